"""What holds for every test."""

from hypothesis import settings

# No deadline: a busy machine is not a failure.  What takes long is bounded by pytest's timeout.
settings.register_profile("posthouse", deadline=None)
settings.load_profile("posthouse")
