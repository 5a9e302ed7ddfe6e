"""The database of the spool: its tables, its settings, its version, and what its errors mean.

A database that is damaged or was written by a newer Posthouse is refused and
left exactly as it is.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from posthouse.adapters.disk import NO_ROOM, sync_folder
from posthouse.mail.errors import SpoolError, SpoolFullError

DATABASE = "queue.sqlite3"
LOCK = "lock"
TEXTS = "texts"

NEVER_US = 1 << 62  # later than any time: nothing is due

# Column values.
QUEUED, HELD, REPORTING = 0, 1, 2  # recipient.state; a lease shows in token
UNWARNED, WARNED, NEVER_WARNED = 0, 1, 2  # recipient.warned: the sender wants no delay warnings

_VERSION = 3
_APPLICATION_ID = 0x506F7374  # "Post"

# Measured with messages of 4 KiB: pages of 8 and 16 KiB cost a fifth more time per message.
PAGE_OCTETS = 4096
CHECKPOINT_PAGES = 4000
_JOURNAL_OCTETS = 64 * 1024 * 1024  # what the write-ahead log shrinks to when it was blown up once
_BUSY_MILLISECONDS = 10_000  # only for foreign tools; our own processes take turns by the lock file

_TABLES = (
    # The text comes last, so that a listing never reads it.
    """
    CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        accepted_us INTEGER NOT NULL,
        reverse_path TEXT NOT NULL,
        body INTEGER NOT NULL,
        smtputf8 INTEGER NOT NULL,
        ret TEXT NOT NULL,
        envid TEXT NOT NULL,
        octets INTEGER NOT NULL,
        recipients INTEGER NOT NULL,
        text_file TEXT,
        text BLOB
    )""",
    # due_us is the end of the lease while token is set; destination_id is 0 while HELD.
    """
    CREATE TABLE recipient (
        message INTEGER NOT NULL,
        number INTEGER NOT NULL,
        destination_id INTEGER NOT NULL,
        due_us INTEGER NOT NULL,
        state INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        warned INTEGER NOT NULL,
        token INTEGER,
        owner TEXT,
        channel TEXT NOT NULL,
        host TEXT NOT NULL,
        address TEXT NOT NULL,
        route_address TEXT,
        original TEXT,
        orcpt TEXT NOT NULL,
        notify INTEGER,
        outcome TEXT,
        PRIMARY KEY (message, number)
    ) WITHOUT ROWID""",
    "CREATE INDEX message_text_file ON message (text_file) WHERE text_file IS NOT NULL",
    "CREATE INDEX recipient_due ON recipient (destination_id, due_us)",
    "CREATE INDEX recipient_owner ON recipient (owner) WHERE owner IS NOT NULL",
    # due_us never lies after the first due recipient; it may lie before it until the next lease looks.
    f"""
    CREATE TABLE destination (
        id INTEGER PRIMARY KEY,
        channel TEXT NOT NULL,
        host TEXT NOT NULL,
        lane INTEGER NOT NULL,
        due_us INTEGER NOT NULL DEFAULT {NEVER_US},
        blocked_us INTEGER NOT NULL DEFAULT 0,
        served_us INTEGER NOT NULL DEFAULT 0,
        note TEXT NOT NULL DEFAULT '',
        ready_us INTEGER NOT NULL GENERATED ALWAYS AS (max(due_us, blocked_us, served_us)) VIRTUAL,
        UNIQUE (channel, host, lane)
    )""",
    "CREATE INDEX destination_ready ON destination (lane, ready_us)",
    "CREATE TABLE mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
)

# From version N to N + 1: statements, run in the transaction that also raises the version.
_MIGRATIONS: dict[int, tuple[str, ...]] = {
    0: _TABLES,
    1: ("ALTER TABLE recipient ADD COLUMN attempted_us INTEGER",),  # when the last attempt ended
    2: ("ALTER TABLE recipient ADD COLUMN mailer TEXT",),  # what a mailer of a sendmail.cf is told
}


def prepare(folder: Path) -> None:
    """Make the spool's folders where they are missing.  Raises SpoolError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_folder(folder / TEXTS, folder)
        sync_folder(folder)
    except OSError as error:
        raise as_spool_error(error, folder) from error


def connect(folder: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the database of a prepared folder, made if need be; transactions are begun and ended by hand."""
    path = folder / DATABASE
    # Everybody may enter the folder, and SQLite would make the file, and the two beside it, as the umask allows.
    _make_database(path, folder)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        _configure(connection)
        if _version_of(connection) != _VERSION:
            with locked(folder):
                _migrate(connection, path)
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _make_database(path: Path, folder: Path) -> None:
    """Make the file where it is missing.  One that is there is never opened here.

    POSIX drops all locks of a process on a file when it closes any descriptor of it: after that the next process to
    leave would think itself the last, remove the log, and with it what we commit from then on.
    """
    with contextlib.suppress(FileExistsError):
        os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, folder))


def _version_of(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _configure(connection: sqlite3.Connection) -> None:
    for setting in (
        f"busy_timeout = {_BUSY_MILLISECONDS}",
        f"page_size = {PAGE_OCTETS}",  # only counts before the first table
        "journal_mode = WAL",
        "synchronous = NORMAL",  # log_sync.py syncs commits
        "foreign_keys = OFF",
        "secure_delete = OFF",
        "temp_store = MEMORY",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        f"journal_size_limit = {_JOURNAL_OCTETS}",
    ):
        connection.execute(f"PRAGMA {setting}")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables to this version.  The caller holds the lock."""
    version = _version_of(connection)
    if version == _VERSION:  # another process was faster
        return
    if version > _VERSION:
        raise SpoolError(f"{path} was written by a newer Posthouse (version {version}; this one knows {_VERSION})")
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise SpoolError(f"{path} is a database, but not a spool of Posthouse")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version, _VERSION):
            for statement in _MIGRATIONS[step]:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the spool's lock for a while; for the rare moments, a GroupCommitter keeps its own descriptor."""
    descriptor = open_lock(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # which also unlocks


def open_lock(folder: Path) -> int:
    """Open the file by which processes take turns: SQLite's own way of waiting sleeps in coarse steps."""
    return open_private(folder / LOCK, os.O_RDWR | os.O_CREAT, folder)


def open_private(path: Path, flags: int, folder: Path) -> int:
    """Open a file of the spool, which nobody else may read.

    What root makes here belongs to whoever owns the folder: the daemon, which may run as an account without
    rights, has to use it.  That account could put a link here, so that none is followed.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        try:
            made, owner = os.fstat(descriptor), folder.stat()
            if made.st_uid == 0 != owner.st_uid and made.st_nlink == 1:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def make_folder(path: Path, folder: Path) -> None:
    """Make a folder in the spool where it is missing, for the same owner."""
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def as_spool_error(error: Exception, folder: Path) -> Exception:
    """Return what the way in and the way out understand; an exception that is a bug stays what it is."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        path = folder / DATABASE
        if code == sqlite3.SQLITE_FULL:
            return SpoolFullError(f"no room on the disk for {path}")
        if code in _DAMAGED:
            return SpoolError(f"{path} is damaged ({error}); it was left as it is, restore it or move it away")
        return SpoolError(f"{path}: {error}")
    if isinstance(error, OSError):
        if error.errno in NO_ROOM:
            return SpoolFullError(f"no room on the disk for {folder}: {error.strerror}")
        return SpoolError(f"{error.filename or folder}: {error.strerror or error}")
    return error
