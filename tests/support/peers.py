"""Other programs as witnesses: Debian's own mail tools.

A test that needs one says so with ``program(name)``.  Where it is missing the
test is skipped with the reason; with CI=true that is a failure, because CI
must not pass by leaving tests out.
"""

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """Return the path of a program, or skip the test (fail it when CI=true)."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is not None:
        return path
    reason = f"{name} is missing: install Debian's package {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
