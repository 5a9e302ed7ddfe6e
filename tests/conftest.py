"""What holds for every test."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.umask(0o022)  # what tests make for other users can be read by them, whoever runs the tests

# No deadline, and no complaint about slow strategies: a busy machine is not a failure.  What takes long is bounded
# by pytest's timeout.  The same examples on every machine and every day: what is landed must not be refused by chance.
# New ones are looked for by "make soak", which asks for the other profile.
settings.register_profile("posthouse", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", settings.get_profile("posthouse"), derandomize=False, max_examples=1000)
settings.load_profile("posthouse")


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the test's own, as pytest's fixture of this name, but with a short path.

    The path of a socket has room for 107 octets, and what is above the test's own directory takes some of them: the
    name of whoever runs the tests, how often he has run them.
    """
    return tmp_path_factory.mktemp(re.sub(r"\W", "", request.node.name)[5:13])
