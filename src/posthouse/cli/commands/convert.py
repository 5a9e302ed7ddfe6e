"""``posthouse convert``: an mmdftailor in the native language."""

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def convert(file: Path) -> int:
    """Write the site.toml that routes as FILE, an mmdftailor, does.

    Tables, domains, channels and aliases stand in its part [mmdf], and the table files stay what they are. Keep
    the site.toml in the folder of FILE: what is relative there is relative in both. What MMDF would warn of is
    in comments at the top.
    """
    from posthouse.cli.formats import printable
    from posthouse.cli.mmdf.opened import read_configuration
    from posthouse.site.tailor.convert import write_part

    configuration = read_configuration(file)
    problems = (*configuration.complaints, *configuration.without_effect)
    comments = [f"# {printable(str(problem))}" for problem in problems]
    lines = [f"# Converted from {printable(file.name)}.", *comments, "", "[site]"]
    lines.append(f'name = "{configuration.names.full_machine.lower()}"')
    click.echo("\n".join([*lines, "", write_part(configuration)]), nl=False)
    return 0
