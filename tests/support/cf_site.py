"""What tests of commands at small sites with a sendmail.cf have in common."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

BIN: Final = Path(sys.executable).parent
SLOW: Final = 300.0  # seconds

# ``{queue}`` is to be filled in.  Nothing depends on this machine: neither on its interfaces nor on its load.
HEAD: Final = """\
V10/Berkeley
Djmx1.example.org
Cwlocalhost mx1.example.org
O QueueDirectory={queue}
O QueueLA=1000000
O RefuseLA=1000000
O DontProbeInterfaces=True
"""


def run_sendmail(place: Path, login: str, *arguments: str, text: bytes = b"Subject: x\n\nbody\n") -> tuple[int, str]:
    """Run sendmail as this login, by ``mx.cf`` and ``passwd`` of a folder; return exit status and what it printed."""
    done = subprocess.run(
        [BIN / "sendmail", "-C", place / "mx.cf", "--users", place / "passwd", *arguments],
        input=text,
        capture_output=True,
        check=False,
        timeout=SLOW,
        env={**os.environ, "LOGNAME": login, "USER": login, "TZ": "UTC"},
    )
    assert done.stderr == b""
    return done.returncode, done.stdout.decode()


def kept(place: Path) -> list[str]:
    """Return whose mail lies in ``kept``, where the mailers of such a site put it."""
    return sorted(path.name for path in (place / "kept").iterdir())
