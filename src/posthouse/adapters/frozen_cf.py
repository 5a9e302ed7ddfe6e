"""Keeps frozen configurations of sendmail.cf in files of a directory.

A file that is damaged, out of date or not ours is as good as none; one that cannot be
written is left out.  Nobody ever has to know that they are there.
"""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.frozen import MAX_FROZEN_OCTETS, freeze, thaw
from posthouse.site.cf.machine import Surroundings
from posthouse.site.model import Site

FROZEN = Path("/var/cache/posthouse")  # without this directory nothing is frozen
_PRIVATE = 0o600


def load_cf_site(path: Path, directory: Path = FROZEN) -> Site:
    """Read a configuration file as a Site of this machine.  Raises SiteError with every error in it."""
    from posthouse.adapters.cf_surroundings import surroundings_of
    from posthouse.site.cf.assemble import assemble

    return assemble(read_cf_frozen(path, surroundings_of(path), directory))


def read_cf_frozen(path: Path, surroundings: Surroundings, directory: Path) -> CfConfiguration:
    """Read a configuration file, by way of its frozen form in a directory where that still holds."""
    store = directory / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.fc"
    stored = _stored(store)
    configuration = thaw(stored, path, surroundings) if stored is not None else None
    if configuration is not None:
        return configuration
    from posthouse.site.cf.reader import read_cf

    configuration = read_cf(path, surroundings)
    octets = freeze(configuration, surroundings.machine)
    if octets is not None:
        _store(store, octets)
    return configuration


def _stored(store: Path) -> bytes | None:
    """Return the contents of a store that nobody else could have written."""
    try:
        descriptor = os.open(store, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        state = os.fstat(descriptor)
        is_ours = state.st_uid in (0, os.geteuid()) and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not stat.S_ISREG(state.st_mode) or not is_ours or state.st_size > MAX_FROZEN_OCTETS:
            return None
        try:
            return stream.read(MAX_FROZEN_OCTETS)
        except OSError:
            return None


def _store(store: Path, octets: bytes) -> None:
    """Write the store in one step, so that nobody ever reads half of it."""
    draft = store.with_suffix(f".{os.getpid()}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    except OSError:
        return
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(octets)
        draft.replace(store)
    except OSError:
        with suppress(OSError):
            draft.unlink()
