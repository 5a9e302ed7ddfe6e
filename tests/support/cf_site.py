"""What tests of commands at small sites with a sendmail.cf have in common."""

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
