"""The classic commands: read the command line, do what its mode asks.

The one rule: nothing that a plain hand-over does not need is imported before it is needed, and no
click, rich or asyncio at all on that way.  docs/sendmail-command.md tells users.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from posthouse.cli.classic.command_line import Mode, Options, read_command_line
from posthouse.cli.errors import CommandError
from posthouse.cli.site_choice import choose_site, has_rule_sets
from posthouse.mail.errors import MalformedError

USAGE = """\
usage: sendmail [-t] [-i] [-v] [-f SENDER] [-F NAME] [-N NOTIFY] [-R full|hdrs] [-V ENVID]
                [-B 7BIT|8BITMIME] [-C SITEFILE] [ADDRESS...]     send the message on standard input
       sendmail -bv ADDRESS...      verify addresses          sendmail -bp    list the queue (mailq)
       sendmail -bs                 speak SMTP on stdin       sendmail -bi    rebuild aliases (newaliases)
       sendmail -bd                 start the daemon          sendmail -q     try queued mail now
       sendmail -bt                 test rule sets            sendmail -bP    count queued messages
Every classic option is accepted; docs/sendmail-command.md says what each does here."""


def run(program: str, arguments: Sequence[str]) -> int:
    """Run under the name of one of the classic commands; return the exit code.  Raises what ``guarded`` reports."""
    try:
        options = read_command_line(program, arguments)
    except MalformedError as error:
        raise CommandError(str(error), os.EX_USAGE) from error
    if options.help:
        print(USAGE)
        return os.EX_OK
    if options.version:
        from posthouse import __version__

        print(f"posthouse {__version__}")
        return os.EX_OK
    return _MODES[options.mode](options)


def _deliver(options: Options) -> int:
    site_file = choose_site(options.site)
    if options.queue_run is not None and not options.addresses and not options.from_header:
        from posthouse.cli.classic.modes import run_queue

        return run_queue(site_file, options.queue_run, options)
    if has_rule_sets(site_file) and _may_deliver(site_file):
        from posthouse.cli.classic.cf_command import deliver_by_rules

        return deliver_by_rules(site_file, options)
    from posthouse.cli.submission.deliver_stdin import deliver

    return deliver(site_file, options)


def _may_deliver(site_file: Path) -> bool:
    """Say whether who runs this may run mailers and keep what is left; anybody else hands mail to the daemon."""
    if os.geteuid() == 0:
        return True
    from posthouse.cli.site_access import read_site_file

    spool = read_site_file(site_file).spool
    nearest = next(folder for folder in (spool, *spool.parents) if folder.exists())
    return os.access(nearest, os.R_OK | os.W_OK | os.X_OK)


def _smtp(options: Options) -> int:
    site_file = choose_site(options.site)
    if has_rule_sets(site_file) and _may_deliver(site_file):
        from posthouse.cli.classic.cf_smtp import serve_stdin_by_rules

        return serve_stdin_by_rules(site_file, options.settings, Path(options.users) if options.users else None)
    from posthouse.cli.classic.smtp_stdin import serve_stdin
    from posthouse.cli.site_access import read_site_file

    return serve_stdin(read_site_file(site_file))


def _verify(options: Options) -> int:
    if not options.addresses:
        raise CommandError("Recipient names must be specified", os.EX_USAGE)
    site_file = choose_site(options.site)
    if has_rule_sets(site_file):
        from posthouse.cli.classic.cf_addresses import verify_by_rules

        return verify_by_rules(site_file, options)
    from posthouse.cli.classic.verify import verify

    return verify(site_file, options.addresses)


def _queue(options: Options) -> int:
    site_file = choose_site(options.site)
    if has_rule_sets(site_file) and options.mode is Mode.QUEUE:
        from posthouse.cli.classic.cf_mailq import print_cf_queue

        return print_cf_queue(site_file, options)
    from posthouse.cli.classic.mailq import print_queue

    return print_queue(site_file, count_only=options.mode is Mode.QUEUE_COUNT)


def _aliases(options: Options) -> int:
    site_file = choose_site(options.site)
    if has_rule_sets(site_file):
        from posthouse.cli.classic.cf_addresses import rebuild_by_rules

        return rebuild_by_rules(site_file, options)
    from posthouse.cli.classic.newaliases import rebuild_aliases

    return rebuild_aliases(site_file)


def _test(options: Options) -> int:
    from pathlib import Path

    from posthouse.cli.rewriting.address_test import serve_standard_input
    from posthouse.cli.rewriting.rewriter import Rewriters, Surroundings

    site_file = choose_site(options.site)
    if not has_rule_sets(site_file):
        raise CommandError(f"{site_file} has no rule sets to test: use `posthouse explain ADDRESS`", os.EX_USAGE)
    users = Path(options.users) if options.users else None
    with Rewriters(Surroundings(users)) as rewriters:
        return serve_standard_input(rewriters, site_file, options.debugging)


def _daemon(options: Options) -> int:
    from posthouse.cli.classic.modes import become_daemon, start_daemon

    site_file = choose_site(options.site)
    return become_daemon(site_file) if options.mode is Mode.FOREGROUND_DAEMON else start_daemon(site_file)


_MODES: dict[Mode, Callable[[Options], int]] = {
    Mode.DELIVER: _deliver,
    Mode.SMTP: _smtp,
    Mode.VERIFY: _verify,
    Mode.QUEUE: _queue,
    Mode.QUEUE_COUNT: _queue,
    Mode.ALIASES: _aliases,
    Mode.DAEMON: _daemon,
    Mode.FOREGROUND_DAEMON: _daemon,
    Mode.TEST: _test,
}
