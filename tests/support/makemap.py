"""Databases as makemap(8) writes them: recorded ones, and fresh ones where the program can be had.

Debian's sendmail-bin cannot be installed beside Postfix; ``POSTHOUSE_MAKEMAP`` names a makemap unpacked elsewhere.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RECORDED = Path(__file__).parent.parent / "data" / "makemap"
_UNPACKED = Path(__file__).parent.parent.parent / ".venv" / "peers" / "usr" / "libexec" / "sendmail" / "makemap"


def makemap_program() -> str:
    """Return the path of a makemap that runs, or skip the test."""
    path = os.environ.get("POSTHOUSE_MAKEMAP") or shutil.which("makemap", path="/usr/sbin:/usr/libexec/sendmail")
    path = path or (str(_UNPACKED) if _UNPACKED.exists() else None)
    # 127: a library that it needs is missing.
    if path is None or subprocess.run([path], capture_output=True, check=False, timeout=300).returncode == 127:
        pytest.skip("makemap is missing: unpack Debian's package sendmail-bin and set POSTHOUSE_MAKEMAP")
    return path


def makemap(program: str, kind: str, target: Path, text: bytes, *options: str) -> None:
    """Make ``target.db`` of a text; lines with mistakes are left out."""
    configuration = target.with_name("makemap.cf")
    configuration.write_text("V10\nO DontBlameSendmail=MapInUnsafeDirPath\n")
    subprocess.run(
        [program, "-C", configuration, *options, kind, target],
        input=text,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert target.with_name(target.name + ".db").exists()
