"""``posthouse explain``: why an address, or a message, goes where it goes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posthouse.cli.errors import CommandError
from posthouse.cli.options import json_option, print_json, site_option
from posthouse.cli.terminal import terminal_width
from posthouse.submit.eager import run

if TYPE_CHECKING:
    from posthouse.ports import Resolver
    from posthouse.site.model import Site


@click.command()
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--from", "sender", default="", metavar="ADDRESS", help="For mail from this reverse-path. Default: <>.")
@click.option(
    "--id",
    "queue_id",
    metavar="QUEUEID",
    help="What was decided for this message (queue id, or the id in its Received field), and where it stands.",
)
@click.option("--no-dns", is_flag=True, help="Do not ask DNS for MX hosts.")
@json_option
@site_option
def explain(
    addresses: tuple[str, ...], sender: str, queue_id: str | None, no_dns: bool, as_json: bool, site_file: Path
) -> int:
    """Show where an address goes, and every decision on the way.

    Each look-up and decision in order, with the file and line that decided; then channel, next hop and MX hosts;
    then what the SMTP server would answer. The code is the one that routes live mail.
    With --json one object a line.
    """
    if bool(addresses) == bool(queue_id):
        raise CommandError("give addresses, or --id QUEUEID", os.EX_USAGE)
    if queue_id:
        return run(_explain_message(site_file, queue_id, as_json=as_json))
    import asyncio  # DNS makes us wait, and so may tables of the old languages

    return asyncio.run(_explain_addresses(site_file, addresses, sender, dns=not no_dns, as_json=as_json))


async def _explain_addresses(
    site_file: Path, addresses: tuple[str, ...], sender: str, *, dns: bool, as_json: bool
) -> int:
    from posthouse.cli.explain.address import Explainer
    from posthouse.cli.explain.text import as_text, as_values
    from posthouse.cli.site_access import read_site_file
    from posthouse.cli.submission.people import read_address_as_given, read_reverse_path

    site = read_site_file(site_file)
    reverse_path = read_reverse_path(site, sender)
    explainer = Explainer(site, _resolver(site) if dns else None)
    for number, text in enumerate(addresses):
        explanation = await explainer.explain(read_address_as_given(text, "address"), reverse_path)
        if as_json:
            print_json(as_values(explanation))
            continue
        if number:
            click.echo()
        click.echo("\n".join(as_text(explanation, site.home, terminal_width())))
    return os.EX_OK


async def _explain_message(site_file: Path, queue_id: str, *, as_json: bool) -> int:
    from posthouse.cli.explain.past import past_as_text, past_as_values, recall

    past, home = await recall(site_file, queue_id)
    if as_json:
        print_json(past_as_values(past))
    else:
        click.echo("\n".join(past_as_text(past, home, terminal_width())))
    return os.EX_OK


def _resolver(site: "Site") -> "Resolver":
    from posthouse.wiring.machine import build_resolver, system_clock

    return build_resolver(site, system_clock())
