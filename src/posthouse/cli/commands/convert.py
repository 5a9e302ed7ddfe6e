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
    from posthouse.site.tailor.site import site_of

    configuration = read_configuration(file)
    site = site_of(configuration)  # a file that does not say who we are is no site in either language
    problems = (*configuration.complaints, *configuration.without_effect)
    comments = [f"# {printable(str(problem))}" for problem in problems]
    lines = [f"# Converted from {printable(file.name)}.", *comments, "", "[site]"]
    lines.append(f'name = "{site.name}"')
    click.echo("\n".join([*lines, "", write_part(configuration)]), nl=False)
    return 0
