"""The posthouse command itself: found fast, told in good English."""

import subprocess
import sys

import click
import pytest

from posthouse.cli.main import COMMANDS, posthouse, run


def _command(name):
    command = posthouse.get_command(click.Context(posthouse), name)
    assert isinstance(command, click.Command)
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_summary_is_the_first_line_of_the_commands_own_help(name):
    assert (_command(name).help or "").partition("\n")[0] == COMMANDS[name].summary


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    unexplained = [
        option.name for option in _command(name).params if isinstance(option, click.Option) and not option.help
    ]

    assert unexplained == []


def test_help_lists_every_command(capsys):
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and entry.summary in shown for name, entry in COMMANDS.items())


def test_unknown_command_is_wrong_usage_with_a_suggestion(capsys):
    assert run(["explane"]) == 64
    assert "Did you mean 'explain'?" in capsys.readouterr().err


def test_unknown_option_is_wrong_usage(capsys):
    assert run(["version", "--loud"]) == 64
    assert "--loud" in capsys.readouterr().err


def _imports(module):
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_sendmail_starts_without_heavy_modules():
    modules = _imports(
        "posthouse.cli.classic.sendmail, posthouse.cli.submission.deliver_stdin, posthouse.cli.submission.submit_socket"
    )

    assert modules.isdisjoint({"click", "rich", "asyncio", "dns", "prometheus_client", "sqlite3"})


def test_writing_the_spool_directly_needs_no_event_loop():
    modules = _imports(
        "posthouse.cli.classic.sendmail, posthouse.cli.submission.deliver_stdin, posthouse.cli.submission.submit_direct"
    )

    assert modules.isdisjoint({"click", "rich", "asyncio", "dns", "prometheus_client"})


def test_help_needs_no_rich_and_no_mail():
    modules = _imports("posthouse.cli.main")

    assert not any(name.startswith(("rich", "asyncio", "posthouse.site", "posthouse.routing")) for name in modules)
