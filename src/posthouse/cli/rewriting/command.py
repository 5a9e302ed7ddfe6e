"""``posthouse rewrite``: a sendmail.cf asked in address test mode's way, by hand or as a stream of JSON Lines."""

import sys
from pathlib import Path

import click

from posthouse.cli.errors import CommandError
from posthouse.cli.rewriting.rewriter import Rewriters, Surroundings


@click.command()
@click.option(
    "--site",
    "site_path",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The sendmail.cf, or a site.toml with [rewriting], or a folder of them.",
)
@click.option("--batch", is_flag=True, help="Read questions from standard input, a line of JSON each; print JSON.")
@click.option("--users", metavar="FILE", type=click.Path(path_type=Path), help="Login names: passwd(5).")
@click.option("--host-name", metavar="NAME", default="", help="Stands for the name of this machine.")
@click.option("--hosts", metavar="FILE", type=click.Path(path_type=Path), help="Stands for the option HostsFile.")
def rewrite(site_path: Path, batch: bool, users: Path | None, host_name: str, hosts: Path | None) -> int:
    """Show what rule sets make of addresses.

    FILE is a sendmail.cf or a site.toml with [rewriting], or with --batch also a folder of them, of which "cf" names
    one in each line. Without --batch standard input is read as sendmail's address test mode reads it:
    "3,0 joe@example.org", "/parse joe".

    A line of the batch is {"op", "in", ...}; the answer is the same with "out", "msgs", "trace" and what else the
    operation gives added, or with "error". Operations: rewrite ("rulesets"), parse ("flags"), try ("mailer",
    "flags"), canon, map ("map"), macro, class, mailers, rules. "setup" is a list of lines .Dname value and .Cname
    words that count for this line alone.
    """
    from posthouse.cli.rewriting.address_test import serve_standard_input
    from posthouse.cli.rewriting.batch import answer_batch

    with Rewriters(Surroundings(users, host_name, hosts)) as rewriters:
        if batch:
            return answer_batch(rewriters, site_path, sys.stdin.buffer, sys.stdout.buffer)
        if site_path.is_dir():
            raise CommandError(f"{site_path} is a folder; name the file, or use --batch")
        return serve_standard_input(rewriters, site_path)
