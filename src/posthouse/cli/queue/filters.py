"""The filters of the queue commands: options in, a QueueFilter out."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click
from msgspec import Struct
from msgspec.structs import replace

from posthouse.cli.errors import CommandError
from posthouse.cli.options import Age
from posthouse.mail.queued import QueueFilter, RecipientState

Function = TypeVar("Function", bound=Callable[..., Any])


class Filters(Struct, frozen=True):
    """What was given on the command line."""

    queue_ids: tuple[str, ...] = ()
    sender: str = ""
    recipient: str = ""
    host: str = ""
    channel: str = ""
    states: tuple[str, ...] = ()
    older_than: timedelta | None = None
    newer_than: timedelta | None = None

    def query(self, now: datetime) -> QueueFilter:
        """Return the filter as the spool takes it."""
        return QueueFilter(
            queue_ids=self.queue_ids,
            sender=self.sender,
            recipient=self.recipient,
            host=self.host,
            channel=self.channel,
            states=frozenset(RecipientState(state) for state in self.states),
            accepted_before=now - self.older_than if self.older_than is not None else None,
            accepted_after=now - self.newer_than if self.newer_than is not None else None,
        )

    @property
    def is_empty(self) -> bool:
        """Does every queued recipient match?"""
        return self == Filters()


def filter_options(function: Function) -> Function:
    """Add the filters; the command is passed them one by one and gives them to ``gather_filters``."""
    for option in reversed(
        [
            click.option("--id", "ids", multiple=True, metavar="QUEUEID", help="This message; may be repeated."),
            click.option("--sender", default="", metavar="PATTERN", help="Reverse-path, as in '*@example.org'."),
            click.option("--recipient", default="", metavar="PATTERN", help="Recipient, or its domain."),
            click.option("--host", default="", metavar="PATTERN", help="Next hop."),
            click.option("--channel", default="", metavar="NAME", help="Channel."),
            click.option(
                "--state",
                "states",
                multiple=True,
                type=click.Choice([state.value for state in RecipientState]),
                help="State; may be repeated.",
            ),
            click.option("--older-than", type=Age(), metavar="AGE", help="Accepted longer ago than 30m, 2h, 5d ..."),
            click.option("--newer-than", type=Age(), metavar="AGE", help="Accepted less long ago."),
        ]
    ):
        function = option(function)
    return function


def gather_filters(options: dict[str, Any], queue_ids: tuple[str, ...] = ()) -> Filters:
    """Return the filters among a command's options; ``queue_ids`` were given as arguments."""
    return Filters(
        queue_ids=(*options.pop("ids"), *queue_ids),
        **{
            name: options.pop(name)
            for name in ("sender", "recipient", "host", "channel", "states", "older_than", "newer_than")
        },
    )


def bounded(filters: Filters, *, everything: bool) -> Filters:
    """Refuse to act on the whole queue by mistake."""
    if filters.is_empty and not everything:
        raise CommandError("this would act on the whole queue: give a filter or a queue id, or --all", os.EX_USAGE)
    return filters


def only(query: QueueFilter, queue_ids: tuple[str, ...]) -> QueueFilter:
    """Narrow a filter to these messages."""
    return replace(query, queue_ids=queue_ids)
