"""The process of a mailer: whom it runs as, where, and what it finds in its environment.

Rights are dropped in the child, before the program begins; nothing of our own environment is passed on but TZ.
F=S keeps the rights that we have (or U= gives them), F=o takes those of the recipient; else they are the controlling
user's, or DefaultUser's.  Sendmail Installation and Operation Guide, section 5.4.
"""

import asyncio
import errno
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from subprocess import SubprocessError

from msgspec import Struct

from posthouse.mail.envelope import MailerUser
from posthouse.site.cf.declared import MailerDeclaration


class Identity(Struct, frozen=True):
    """Whom a program runs as: numbers; None leaves ours."""

    uid: int | None = None
    gid: int | None = None


class Start(Struct, frozen=True):
    """How a program is started.  ``directories`` are tried in turn."""

    path: str
    arguments: Sequence[str]  # octet text, the first being the program's name
    identity: Identity
    directories: Sequence[str] = ()
    niceness: int = 0
    environment: Mapping[str, str] = {}


def identity_of(mailer: MailerDeclaration, who: MailerUser, default: tuple[int, int]) -> Identity:
    """Say whom a mailer's program runs as for a recipient; ``default`` is DefaultUser.

    Without root's rights nobody else can be chosen: the program runs as we do.
    """
    if os.geteuid() != 0:
        return Identity()
    if mailer.uid >= 0:
        return Identity(mailer.uid, mailer.gid if mailer.gid >= 0 else None)
    if mailer.has("o") or not mailer.has("S"):
        return Identity(who.uid, who.gid) if who.controller and who.uid else Identity(*default)
    return Identity()


def clean_environment(declared: Mapping[str, str | None]) -> dict[str, str]:
    """Return AGENT, what the E lines say, and TZ; an E line without a value takes ours."""
    environment = {"AGENT": "sendmail"}
    for name, value in declared.items():
        found = os.environ.get(name) if value is None else value
        if found is not None:
            environment[name] = found
    if "TZ" in os.environ:
        environment.setdefault("TZ", os.environ["TZ"])
    return environment


async def start_program(start: Start, *, stderr: int = asyncio.subprocess.STDOUT) -> asyncio.subprocess.Process:
    """Start a program with pipes on its input and output.  Raises OSError."""
    words = [word.encode("iso8859-1", "replace").replace(b"\0", b"") for word in start.arguments]
    try:
        return await _start(start, words or [os.fsencode(start.path)], stderr)
    except SubprocessError as error:  # the identity could not be taken on
        raise OSError(errno.EAGAIN, str(error)) from error


async def _start(start: Start, words: Sequence[bytes], stderr: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *words,
        executable=start.path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        env=dict(start.environment),
        cwd=_first_directory(start.directories),
        start_new_session=True,  # its own process group, so that a kill reaches its children too
        preexec_fn=lambda: _become(start.identity, start.niceness),  # uvloop knows no user= and no umask=
    )


def _become(identity: Identity, niceness: int) -> None:
    """Take on an identity, in the child: system calls alone, and never less than all of them."""
    os.umask(0o022)
    if niceness:
        with suppress(OSError):  # a higher priority is for root
            os.nice(niceness)
    if identity.uid is not None:
        os.setgroups([])
        gid = identity.uid if identity.gid is None else identity.gid
        os.setresgid(gid, gid, gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)


def _first_directory(directories: Sequence[str]) -> str:
    """Return the first of D= that can be entered."""
    return next((one for one in directories if one.startswith("/") and os.access(one, os.X_OK)), "/")
