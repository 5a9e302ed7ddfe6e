"""How a command ends: exit codes, and one clear line instead of a traceback.

Every command of this package runs inside ``guarded``.  Users' mistakes and broken sites are
told in words; only what nobody expected mentions a traceback, and how to get it.
"""

import os
import sys
from collections.abc import Callable

from posthouse.mail.errors import PosthouseError, SpoolError, SpoolFullError

TRACEBACK_VARIABLE = "POSTHOUSE_TRACEBACK"
_INTERRUPTED = 130  # what a shell reports for SIGINT


class CommandError(PosthouseError):
    """A command cannot do what was asked.  Caught by ``guarded``, which prints it and exits with ``code``."""

    def __init__(self, message: str, code: int = os.EX_UNAVAILABLE) -> None:
        super().__init__(message)
        self.code = code


def guarded(name: str, command: Callable[[], int]) -> int:
    """Run a command and return its exit code, whatever happens in it."""
    try:
        code = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return os.EX_OK
    except Exception as error:  # noqa: BLE001 - the outermost layer of the process
        return _report(name, error)
    return code


def exit_code_for(error: Exception) -> int:
    """Return the sysexits code that says what kind of trouble this is."""
    if isinstance(error, CommandError):
        return error.code
    if is_site_error(error):
        return os.EX_CONFIG
    if isinstance(error, SpoolError | SpoolFullError):
        return os.EX_TEMPFAIL
    if isinstance(error, PermissionError):
        return os.EX_NOPERM
    if isinstance(error, FileNotFoundError):
        return os.EX_NOINPUT
    if isinstance(error, OSError):
        return os.EX_OSERR
    return os.EX_UNAVAILABLE if isinstance(error, PosthouseError) else os.EX_SOFTWARE


def is_site_error(error: Exception) -> bool:
    """Is this the site reader's list of problems?  Asked without importing the reader."""
    return isinstance(error, PosthouseError) and type(error).__module__.startswith("posthouse.site")


def message_lines(error: Exception) -> list[str]:
    """Return what a person is told of an error."""
    problems = getattr(error, "problems", None)
    if problems:
        return [str(problem) for problem in problems]
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return [f"{where}{error.strerror}"]
    return [str(error) or type(error).__name__]


def _report(name: str, error: Exception) -> int:
    if os.environ.get(TRACEBACK_VARIABLE):
        import traceback

        traceback.print_exception(error)
    code = exit_code_for(error)
    lines = message_lines(error)
    if is_site_error(error):
        # file:line:column first, so that editors can jump to it.
        print("\n".join(lines), file=sys.stderr)
    else:
        for line in lines:
            print(f"{name}: {line}", file=sys.stderr)
    if code == os.EX_SOFTWARE:
        print(
            f"{name}: this is a bug ({type(error).__name__}); set {TRACEBACK_VARIABLE}=1 to see where it happened",
            file=sys.stderr,
        )
    return code


def _forget_stdout() -> None:
    # The reader of our output left (``posthouse queue list | head``).  Python would
    # complain again when it flushes standard output at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
