"""docs/cli.md, from the commands themselves: a test compares them, so that the page cannot lie.

python -m posthouse.cli.reference > docs/cli.md
"""

from collections.abc import Iterator

import click

from posthouse.cli.main import posthouse

_HEAD = """\
# The posthouse command

This page is made from the commands (`python -m posthouse.cli.reference`); a test holds it to them. The classic commands
`sendmail`, `mailq` and `newaliases` have [their own page](sendmail-command.md).
"""


def cli_reference() -> str:
    """Return docs/cli.md."""
    context = click.Context(posthouse, info_name="posthouse")
    return "\n".join([_HEAD, *_command_lines(posthouse, context)]).rstrip() + "\n"


def _command_lines(command: click.Command, context: click.Context) -> Iterator[str]:
    depth = len(context.command_path.split())
    if depth > 1:
        yield f"{'#' * min(depth, 4)} {context.command_path}\n"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"    {usage}\n"
    for paragraph in (command.help or "").strip().split("\n\n"):
        yield " ".join(paragraph.split()) + "\n"
    options = [_option_line(option, context) for option in command.params if isinstance(option, click.Option)]
    yield from [line for line in options if line]
    if any(options):
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _command_lines(child, click.Context(child, info_name=name, parent=context))


def _option_line(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    if record is None or option.hidden:
        return ""
    names, text = record
    return f"- `{names}`: {' '.join(text.split())}"


if __name__ == "__main__":
    print(cli_reference(), end="")
