"""What is built can be installed and started."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from support.waiting import LONG

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Build the wheel, install it into an empty environment, and return its bin directory.

    The dependencies are lent from the environment that runs the tests: nothing is downloaded.
    """
    source = tmp_path_factory.mktemp("source")
    for name in ("src", "README.md", "LICENSE", "pyproject.toml"):
        origin = ROOT / name
        shutil.copytree(origin, source / name) if origin.is_dir() else shutil.copy(origin, source / name)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=source, check=True, timeout=5 * LONG
    )
    (wheel,) = (source / "dist").glob("*.whl")
    home = tmp_path_factory.mktemp("empty")
    venv.create(home, with_pip=False)
    target = home / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True, timeout=5 * LONG)
    (target / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin"


@pytest.mark.parametrize("command", ["posthouse", "sendmail", "mailq", "newaliases"])
def test_the_wheel_brings_its_commands(installed, command):
    assert os.access(installed / command, os.X_OK)


def test_the_installed_command_shows_its_help(installed):
    shown = subprocess.run(
        [installed / "posthouse", "--help"], capture_output=True, text=True, check=True, timeout=LONG
    )

    assert "explain" in shown.stdout
