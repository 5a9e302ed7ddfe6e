"""The frozen configuration: what was read of a file, in a form that is read back at once.

It counts only while this program, this machine and every file that was read (contents, or absence)
are the same; otherwise the file is read as if nothing were frozen.
"""

import hashlib
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from posthouse import __version__
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.lines import MAX_OCTETS
from posthouse.site.cf.machine import Machine, Surroundings

MAX_FROZEN_OCTETS: Final = 256 * 1024 * 1024
FORMAT: Final = 1  # goes up whenever the meaning of a stored configuration changes


class _Frozen(Struct, frozen=True, array_like=True):
    """What is stored: what it was made by and of, and the configuration, encoded by itself."""

    made_by: str
    files: tuple[tuple[str, str], ...]  # path, digest
    configuration: bytes


def maker(path: Path, machine: Machine) -> str:
    """Return what must be the same for a frozen configuration to count: program, file and machine."""
    of_machine = hashlib.sha256(msgspec.msgpack.encode(machine)).hexdigest()
    return f"posthouse {__version__}/{FORMAT} {of_machine} {path}"


def freeze(configuration: CfConfiguration, machine: Machine) -> bytes | None:
    """Return the configuration to be stored; None when it may be another one the next time."""
    if not configuration.is_cacheable or not configuration.files:
        return None
    files = tuple((file.path, file.digest) for file in configuration.files)
    encoded = msgspec.msgpack.encode(configuration, enc_hook=str)
    return msgspec.msgpack.encode(_Frozen(maker(configuration.file, machine), files, encoded))


def thaw(octets: bytes, path: Path, surroundings: Surroundings) -> CfConfiguration | None:
    """Return the stored configuration; None when it is damaged, or anything has changed since."""
    try:
        frozen = msgspec.msgpack.decode(octets, type=_Frozen)
        if frozen.made_by != maker(path, surroundings.machine):
            return None
        if any(_digest(surroundings, file) != digest for file, digest in frozen.files):
            return None
        return msgspec.msgpack.decode(frozen.configuration, type=CfConfiguration, dec_hook=_from_text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _digest(surroundings: Surroundings, path: str) -> str:
    try:
        octets = surroundings.read(path, max(MAX_OCTETS, 64 * 1024 * 1024))
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(octets).hexdigest()


def _from_text(kind: type, text: object) -> object:
    if kind is Path and isinstance(text, str):
        return Path(text)
    raise NotImplementedError(f"a frozen configuration holds no {kind}")
