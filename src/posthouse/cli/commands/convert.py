"""``posthouse convert``: an mmdftailor or a sendmail.cf in the native language."""

import os
from pathlib import Path

import click

from posthouse.cli.errors import CommandError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--example",
    "examples",
    metavar="ADDRESS",
    multiple=True,
    help="Write what a sendmail.cf makes of ADDRESS as an example; may be repeated.",
)
def convert(file: Path, examples: tuple[str, ...]) -> int:
    """Write a site.toml from an mmdftailor or a sendmail.cf.

    It routes as FILE does. Of an mmdftailor tables, domains, channels and aliases stand in the part [mmdf], and the
    table files stay what they are. Of a sendmail.cf (a name that ends in .cf) the rule sets stand in the part
    [rewriting], in the notation of docs/rewriting.md, and maps, class files and aliases stay what they are. Keep the
    site.toml in the folder of FILE: what is relative there is relative in both. What FILE is only warned of is in
    comments at the top.
    """
    if file.suffix == ".cf":
        from posthouse.cli.rewriting.convert import convert_cf

        click.echo(convert_cf(file, examples), nl=False)
    elif examples:
        raise CommandError(
            "--example is for a sendmail.cf: posthouse check runs the examples of rule sets", os.EX_USAGE
        )
    else:
        click.echo(_convert_tailor(file), nl=False)
    return 0


def _convert_tailor(file: Path) -> str:
    from posthouse.cli.formats import printable
    from posthouse.cli.mmdf.opened import read_configuration
    from posthouse.site.tailor.convert import write_part
    from posthouse.site.tailor.site import site_of

    configuration = read_configuration(file)
    site = site_of(configuration)  # a file that does not say who we are is no site in either language
    problems = (*configuration.complaints, *configuration.without_effect)
    comments = [f"# {printable(str(problem))}" for problem in problems]
    lines = [f"# Converted from {printable(file.name)}.", *comments, "", "[site]"]
    lines.append(f'name = "{site.name}"')
    return "\n".join([*lines, "", write_part(configuration)])
