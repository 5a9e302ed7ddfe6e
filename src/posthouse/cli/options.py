"""Options that several commands share."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from posthouse.cli.site_choice import choose_site

Function = TypeVar("Function", bound=Callable[..., Any])

_DURATION = re.compile(r"(?:[0-9]{1,9}[smhdw])+")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Age(click.ParamType[timedelta]):
    """A duration such as ``30m``, ``2h`` or ``1d12h``."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        if not _DURATION.fullmatch(str(value)):
            self.fail(f"{value!r} is not an age; write 45s, 30m, 2h, 5d or 1d12h", param, ctx)
        parts = re.findall(r"([0-9]+)([smhdw])", str(value))
        return timedelta(seconds=sum(int(number) * _SECONDS[unit] for number, unit in parts))


def site_option(function: Function) -> Function:
    """Add ``--site``; the command is passed ``site_file``."""
    return click.option(
        "--site",
        "site_file",
        metavar="FILE",
        callback=lambda _context, _parameter, value: choose_site(value),
        help="The site file.",
    )(function)


def json_option(function: Function) -> Function:
    """Add ``--json``; the command is passed ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)


def now() -> datetime:
    """Return the time: commands are the outermost layer and may look at the clock."""
    return datetime.now(UTC)


def operator() -> str:
    """Return the login name of whoever acts, behind sudo, too."""
    from posthouse.cli.submission.people import login_name

    return os.environ.get("SUDO_USER") or login_name()


def print_json(value: object) -> None:
    """Print one line of JSON."""
    import msgspec

    click.echo(msgspec.json.encode(value, enc_hook=_encode).decode())


def _encode(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value).__name__)
