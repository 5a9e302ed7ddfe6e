"""``posthouse queue``: list queued recipients and act on them.

Lists stream; verbs work in slices of messages, so that no lock on the spool is long
and progress can be shown.  Every verb is logged per message with the operator's name.
"""

import os
from pathlib import Path
from typing import Any

import click

from posthouse.cli.errors import CommandError
from posthouse.cli.options import json_option, now, print_json, site_option
from posthouse.cli.queue.filters import bounded, filter_options, gather_filters
from posthouse.cli.queue.rows import HEADING, count_as_json, row_as_json, row_as_text
from posthouse.cli.terminal import terminal_width
from posthouse.mail.queued import QueueFilter, Verb
from posthouse.queueing.filters import GROUPINGS
from posthouse.submit.eager import run


@click.group()
def queue() -> None:
    """List queued mail and act on it.

    Every queued recipient is in one of four states: queued (waits for its time), leased (being delivered),
    held (stopped by an operator), reporting (finished, and the report to the sender is owed).
    """


@queue.command("list")
@click.option("--group-by", type=click.Choice(GROUPINGS), help="Count instead of listing.")
@filter_options
@json_option
@site_option
def list_(site_file: Path, group_by: str | None, as_json: bool, **options: Any) -> int:
    """List recipients in the order of acceptance; with --json one JSON object a line."""
    query = gather_filters(options).query(now())
    if group_by:
        return run(_print_groups(site_file, query, group_by, as_json=as_json))
    return run(_print_rows(site_file, query, as_json=as_json))


async def _print_rows(site_file: Path, query: QueueFilter, *, as_json: bool) -> int:
    from posthouse.cli.site_access import open_queue

    moment, width, any_row = now(), terminal_width(), False
    async with open_queue(site_file) as (_, spool):
        async for row in await spool.find(query):
            if as_json:
                print_json(row_as_json(row))
                continue
            if not any_row:
                click.echo(HEADING)
                any_row = True
            click.echo("\n".join(row_as_text(row, moment, width)))
    if not any_row and not as_json:
        click.echo("Nothing queued." if query == QueueFilter() else "Nothing queued that matches.")
    return os.EX_OK


async def _print_groups(site_file: Path, query: QueueFilter, by: str, *, as_json: bool) -> int:
    from posthouse.cli.site_access import open_queue

    async with open_queue(site_file) as (_, spool):
        counts = await spool.group(query, by)
    if as_json:
        for count in counts:
            print_json(count_as_json(count))
        return os.EX_OK
    from posthouse.cli.terminal import print_counts

    print_counts(counts, by, now())
    return os.EX_OK


@queue.command()
@click.argument("queue_id")
@click.option("--text", "part", flag_value="text", help="Print the message itself instead.")
@click.option("--header", "part", flag_value="header", help="Print its header instead.")
@json_option
@site_option
def show(queue_id: str, part: str | None, as_json: bool, site_file: Path) -> int:
    """Show one queued message: envelope, recipients, and what the last attempts said."""
    from posthouse.cli.queue.show import print_message, print_text

    if part:
        return run(print_text(site_file, queue_id, header_only=part == "header"))
    return run(print_message(site_file, queue_id, as_json=as_json))


@queue.command("import")
@click.option("--from", "kind", type=click.Choice(["sendmail"]), required=True, help="Whose queue it is.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would become of each message.")
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
@site_option
def import_(kind: str, dry_run: bool, directory: Path, as_json: bool, site_file: Path) -> int:  # noqa: ARG001 - the one kind
    """Take over the queue directory that a real sendmail (version 8) left.

    Each message is taken whole or left where it is, with the reason; the files of those that were taken
    are moved to a folder "imported" in it. The exit code is 65 when a message was left.
    """
    from posthouse.cli.queue.import_sendmail import import_queue

    return import_queue(site_file, directory, dry_run=dry_run, as_json=as_json)


@queue.command("export")
@click.option("--to", "kind", type=click.Choice(["sendmail"]), required=True, help="Whose queue it is to be.")
@click.argument("directory", type=click.Path(path_type=Path))
@filter_options
@json_option
@site_option
def export_(kind: str, directory: Path, as_json: bool, site_file: Path, **options: Any) -> int:  # noqa: ARG001 - the one kind
    """Write queued messages as files of a queue directory of sendmail (version 8).

    They stay in this queue, too: stop the daemon first, and remove them here before the other one starts, or they are
    delivered twice. Held ones are written as Qf files, which sendmail leaves alone; what is finished and owes its
    sender a report alone is left out, and the exit code is then 65.
    """
    from posthouse.cli.queue.export_sendmail import export_queue

    query = gather_filters(options).query(now())
    return export_queue(site_file, directory, query, as_json=as_json)


def _verb_command(verb: Verb, help_text: str) -> None:
    @queue.command(verb.value, help=help_text)
    @click.argument("queue_ids", nargs=-1, metavar="[QUEUEID]...")
    @filter_options
    @click.option(
        "--all", "everything", is_flag=True, help="Act on the whole queue; needed when nothing else is given."
    )
    @click.option("--dry-run", is_flag=True, help="Change nothing; say how many recipients it would be.")
    @click.option("--note", default="", help="A reason, for the log and for what is held or bounced.")
    @json_option
    @site_option
    def act(
        queue_ids: tuple[str, ...],
        everything: bool,
        dry_run: bool,
        note: str,
        as_json: bool,
        site_file: Path,
        **options: Any,
    ) -> int:
        from posthouse.cli.queue.act import Order, act_on_queue

        query = bounded(gather_filters(options, queue_ids), everything=everything).query(now())
        order = Order(verb=verb, query=query, dry_run=dry_run, note=printable_note(note))
        return run(act_on_queue(site_file, order, as_json=as_json))


for _verb, _help in {
    Verb.HOLD: "Stop delivery until it is released.",
    Verb.RELEASE: "Let held mail go on.",
    Verb.RETRY: "Try again now, whatever the schedule, and forget that the host was dead.",
    Verb.REMOVE: "Remove without a report to the sender. Nothing brings it back.",
    Verb.BOUNCE: "Give up now, with a failure report to the sender.",
}.items():
    _verb_command(_verb, _help)


def printable_note(note: str) -> str:
    """Return a note fit for log and report.  Raises CommandError."""
    if len(note) > 500 or not note.isprintable():
        raise CommandError("a note is one line of at most 500 printable characters", os.EX_USAGE)
    return note
