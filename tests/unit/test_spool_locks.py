"""What one process has open of the spool, no other may take for abandoned."""

import subprocess
import sys

from posthouse.adapters.spool_sqlite.schema import DATABASE, connect, prepare
from support.waiting import LONG

VISIT = """
import sys
from pathlib import Path
from posthouse.adapters.spool_sqlite.schema import connect
connection = connect(Path(sys.argv[1]))
print(connection.execute("SELECT count(*) FROM visits").fetchone()[0])
connection.close()
"""


def visit(folder):
    """Another process opens the spool, counts, and leaves, as a posthouse command does."""
    done = subprocess.run([sys.executable, "-c", VISIT, folder], capture_output=True, timeout=LONG, check=True)
    return int(done.stdout)


def test_a_second_connection_takes_no_lock_from_the_first(tmp_path):
    """POSIX drops a process's locks on a file when it closes any descriptor of it.

    Whoever opens the file beside SQLite makes the next visitor believe that he is alone: he removes the log, and
    what is committed afterwards goes into a file without a name.
    """
    folder = tmp_path / "spool"
    prepare(folder)
    first = connect(folder)
    first.execute("CREATE TABLE visits (number)")
    second = connect(folder)

    assert visit(folder) == 0
    assert (folder / f"{DATABASE}-wal").exists()
    first.execute("INSERT INTO visits VALUES (1)")
    assert visit(folder) == 1
    second.close()
    assert visit(folder) == 1
    first.close()


def test_the_database_is_for_its_owner_alone(tmp_path):
    folder = tmp_path / "spool"
    prepare(folder)

    connect(folder).close()

    assert (folder / DATABASE).stat().st_mode & 0o777 == 0o600
