"""What holds for every test."""

from hypothesis import HealthCheck, settings

# No deadline, and no complaint about slow strategies: a busy machine is not a failure.  What takes long is bounded
# by pytest's timeout.  The same examples on every machine and every day: what is landed must not be refused by chance.
# New ones are looked for by "make soak", which asks for the other profile.
settings.register_profile("posthouse", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", settings.get_profile("posthouse"), derandomize=False, max_examples=1000)
settings.load_profile("posthouse")
