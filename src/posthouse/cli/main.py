"""The ``posthouse`` command: a list of subcommands, each imported only when it is called.

The one rule: nothing heavy is imported here, so that every command and every ``--help`` starts fast.
"""

import os
import sys
from importlib import import_module
from typing import NamedTuple

import click

from posthouse.cli.errors import guarded
from posthouse.cli.short_lived import run_and_leave


class Entry(NamedTuple):
    """Where a subcommand lives, and the line that ``posthouse --help`` shows of it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "serve": Entry("commands.daemon", "serve", "Run the mail router in the foreground."),
    "check": Entry("commands.check", "check", "Check a site file and say what is configured."),
    "schema": Entry("commands.check", "schema", "Print the JSON Schema of the site file."),
    "reload": Entry("commands.daemon", "reload", "Make the running daemon take up a changed site."),
    "stop": Entry("commands.daemon", "stop", "Stop the running daemon, losing nothing."),
    "status": Entry("commands.daemon", "status", "Say whether the daemon runs and what is queued."),
    "explain": Entry("explain.command", "explain", "Show where an address goes, and every decision on the way."),
    "resolve": Entry("commands.resolve", "resolve", "Show where addresses go by the tables of an mmdftailor."),
    "rewrite": Entry("rewriting.command", "rewrite", "Show what rule sets make of addresses."),
    "convert": Entry("commands.convert", "convert", "Write a site.toml from an mmdftailor or a sendmail.cf."),
    "queue": Entry("queue.commands", "queue", "List queued mail and act on it."),
    "log": Entry("commands.log", "log", "Show the life of one message from the log."),
    "send": Entry("commands.send", "send", "Send a quick message."),
    "table": Entry("commands.table", "table", "List, ask and build tables."),
    "mmdf": Entry("mmdf.programs", "mmdf", "Run one of MMDF's programs, with its own options."),
    "version": Entry("commands.check", "version", "Print the version."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(f"posthouse.cli.{entry.module}"), entry.attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - a fact about COMMANDS, held by a test
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def posthouse() -> None:
    """Posthouse, a mail router that can explain every decision it takes.

    Every command finds its site file by --site FILE, else $POSTHOUSE_SITE, else /etc/posthouse/site.toml,
    else the site that `make run` made. Exit codes are those of sysexits.h: 0 done, 64 wrong usage,
    75 try again later, 78 the site file is wrong.
    """


def run(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    try:
        result = posthouse.main(arguments, prog_name="posthouse", standalone_mode=False)
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except click.UsageError as error:
        error.show()
        return os.EX_USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit:
        # No command raises it.  click does when whoever read our output has left, and has silenced what is
        # still to be flushed: `posthouse queue list | head` is no failure.
        return os.EX_OK
    return result if isinstance(result, int) else os.EX_OK


def main() -> None:
    """Enter from the shell."""
    if sys.argv[1:2] == ["serve"]:
        sys.exit(guarded("posthouse", lambda: run(sys.argv[1:])))
    run_and_leave(lambda: guarded("posthouse", lambda: run(sys.argv[1:])))


if __name__ == "__main__":
    main()
