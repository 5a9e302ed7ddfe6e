"""Whether a process is still there."""

from pathlib import Path


def has_ended(pid: int) -> bool:
    """Has it ended, whether or not somebody has asked for its exit status?  In a container perhaps nobody does."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return True
