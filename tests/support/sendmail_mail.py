"""The recorded answers of a real sendmail with deliver.cf, and a folder in which they can be asked for again.

Accounts are those of maps/passwd; their files belong to them, or all of it to whoever runs the tests.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from posthouse.adapters.cf_surroundings import surroundings_of
from posthouse.adapters.cf_world import open_world
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.logins_passwd import FileLogins
from posthouse.rewriting.environment import Environment
from posthouse.routing.sendmail.compiled import compile_sendmail
from posthouse.routing.sendmail.expansion import Expansion
from posthouse.routing.sendmail.verification import exit_status, verdict_lines
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.reader import read_cf
from support.sendmail_corpus import DATA, PLACE, read_cases

HOST_NAME = "mx1"
_ORDINARY_UID = 2000


@contextmanager
def mail_corpus() -> Iterator[Path]:
    """Copy everything that deliver.cf names to where its users may go, and yield its path."""
    with tempfile.TemporaryDirectory(prefix="posthouse-mail-") as folder:
        Path(folder).chmod(0o755)
        yield make_mail_corpus(Path(folder))


def make_mail_corpus(folder: Path) -> Path:
    """Copy everything that deliver.cf names, and return its path.  Every account must be able to enter the folder."""
    corpus = folder / "corpus"
    shutil.copytree(DATA, corpus, ignore=shutil.ignore_patterns("*.jsonl"))
    for path in corpus.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(PLACE.encode(), str(corpus).encode()))
    for path in (corpus / "bin").iterdir():
        path.chmod(0o755)
    (corpus / "spool/mqueue").mkdir(parents=True)
    (corpus / "spool/files").mkdir()
    (corpus / "shells").write_text("/bin/sh\n")
    _give_away(corpus)
    return corpus / "deliver.cf"


def _give_away(corpus: Path) -> None:
    """Let every account own its home; where that is not allowed, let all accounts be one user."""
    passwd = corpus / "maps/passwd"
    lines = []
    for line in passwd.read_text().splitlines():
        login, secret, uid, gid, *rest = line.split(":")
        home = corpus / "home" / login
        if int(uid) > _ORDINARY_UID and os.geteuid() == 0:
            for path in [home, *home.rglob("*")] if home.exists() else ():
                os.chown(path, int(uid), int(gid))
        elif int(uid) > _ORDINARY_UID:
            uid, gid = str(os.geteuid()), str(os.getegid())
        lines.append(":".join((login, secret, uid, gid, *rest)))
    passwd.write_text("\n".join(lines) + "\n")


def logins_of(cf: Path) -> FileLogins:
    """Return the accounts of a copied corpus."""
    return FileLogins(cf.parent / "maps/passwd", SystemClock(), cf.parent / "shells")


def configuration_of(cf: Path, options: list[str]) -> CfConfiguration:
    """Read deliver.cf as the machine of the recordings would, with ``-OName=value`` at its end."""
    changed = cf.with_name("changed.cf")
    extra = "".join(f"O {option.removeprefix('-O')}\n" for option in options if option.startswith("-O"))
    changed.write_text(cf.read_text("latin-1") + extra, "latin-1")
    configuration = read_cf(changed, surroundings_of(changed, HOST_NAME))
    return replace(configuration, file=cf)


def verify(cf: Path, arguments: list[str], options: list[str]) -> tuple[int, list[str]]:
    """Answer as ``sendmail -bv`` does: exit status and lines."""
    configuration = configuration_of(cf, options)
    world, answers = open_world(configuration, SystemClock(), logins_of(cf))

    async def ask() -> Expansion:
        routing = compile_sendmail(configuration, no_aliases="-n" in options)
        expansion = Expansion(routing, Environment(configuration.program.macros))
        for argument in arguments:
            await world.answer_all(expansion.add(argument.encode().decode("latin-1")))
        await answers.close()
        return expansion

    expansion = asyncio.run(ask())
    lines = [line.replace(str(cf.parent), PLACE) for line in verdict_lines(expansion)]
    return exit_status(expansion), lines


def recorded(operation: str) -> list[dict[str, Any]]:
    """Return the recorded cases of one kind."""
    return [case for case in read_cases(DATA / "mail.jsonl") if case["op"] == operation]
