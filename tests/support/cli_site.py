"""A small site, and the installed commands run on it."""

import os
import subprocess
import sysconfig
from pathlib import Path

from support.waiting import LONG

SITE = """\
[site]
name = "mail.example.org"
spool = "spool"
run = "run"
postmaster = "joe"

[[listener]]
address = "127.0.0.1:0"
relay-from = ["192.0.2.0/24"]

[domains."example.org"]
kind = "local"
users = ["people"]

[tables.people]
kind = "inline"
entries = { joe = "Joe", ann = "Ann" }

[tables.names]
kind = "inline"
entries = { info = "joe", all = ["joe", "ann"], away = "joe@example.net" }

[aliases]
tables = ["names"]

[channels.local]
kind = "local"
mailbox = "mail/{user}/"

[log]
file = "log"
"""


def write_site(home: Path, text: str = SITE) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    path = home / "site.toml"
    path.write_text(text)
    return path


def command(name: str, *arguments: str, site: Path, stdin: bytes = b"", **environment: str):
    """Run one of the installed commands; 80 columns wide."""
    return subprocess.run(
        [Path(sysconfig.get_path("scripts")) / name, *arguments],
        input=stdin,
        capture_output=True,
        timeout=LONG,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "POSTHOUSE_SITE": str(site),
            "COLUMNS": "80",
            "TZ": "UTC",
            "LOGNAME": "joe",
            **environment,
        },
    )
