"""``sendmail -bv`` and ``newaliases`` of a site that has a sendmail.cf, in the words of the real ones."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

from posthouse.adapters.cf_accounts import logins_of
from posthouse.adapters.cf_maps import service_switch
from posthouse.adapters.cf_world import alias_files, alias_path, open_world
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.map_implicit import MAX_TEXT_OCTETS, write_alias_index
from posthouse.cli.classic.command_line import Options
from posthouse.cli.errors import CommandError
from posthouse.cli.submission.people import login_name
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.recipients import Resolved
from posthouse.routing.sendmail.compiled import SendmailRouting, compile_sendmail
from posthouse.routing.sendmail.expansion import Expansion
from posthouse.routing.sendmail.verification import exit_status, verdict_lines
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.options.overrides import with_options
from posthouse.site.problems import SiteError
from posthouse.submit.sendmail.driver import World
from posthouse.tables.aliases import AliasName, AliasReport, index_aliases
from posthouse.wiring.site_file import load_rules


def verify_by_rules(site_file: Path, options: Options) -> int:
    """Print what becomes of each address; return the exit status of sendmail -bv."""
    configuration = _configuration(site_file, options)
    routing = compile_sendmail(configuration, no_aliases=options.no_aliases)
    expansion = Expansion(routing, _environment(configuration, "v"))

    async def ask(world: World) -> None:
        for argument in options.addresses:
            await world.answer_all(expansion.add(os.fsencode(argument).decode("latin-1")))

    _in_world(configuration, options, ask)
    sender = login_name() if options.sender is None else os.fsencode(options.sender).decode("latin-1")
    print_octets(verdict_lines(expansion, sender, is_verbose=options.verbose))
    return exit_status(expansion)


def rebuild_by_rules(site_file: Path, options: Options) -> int:
    """Write the index of each aliases file, and print what is wrong with them; 70 when anything is."""
    configuration = _configuration(site_file, options)
    routing = compile_sendmail(configuration)
    paths = [alias_path(text, configuration.file.absolute().parent) for text in alias_files(configuration)]
    codes: list[int] = []

    async def index(world: World) -> None:
        for path in filter(None, paths):
            status = await _index(path, routing, world, _environment(configuration, "i"))
            codes.append(status)

    _in_world(configuration, options, index)
    return max(codes, default=os.EX_OK)


async def _index(path: Path, routing: SendmailRouting, world: World, environment: Environment) -> int:
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_TEXT_OCTETS)
    except OSError as error:
        print_octets([f"newaliases: cannot open {path}: {error.strerror}"])
        return os.EX_OK  # the other files count; look-ups say that they cannot be made
    report = await _read(text.split(b"\n"), routing, world, environment)
    print_octets([*(f"{path}: line {one.line}: {one.text}" for one in report.troubles), report.summary(str(path))])
    try:
        write_alias_index(path, report)
    except OSError as error:
        print_octets([f"{path}: its index cannot be written: {error.strerror}"])
        return os.EX_CANTCREAT
    return os.EX_SOFTWARE if report.has_errors else os.EX_OK


async def _read(lines: list[bytes], routing: SendmailRouting, world: World, environment: Environment) -> AliasReport:
    """Read a file, asking the rules what each name is."""
    steps = index_aliases(lines)
    name: AliasName | None = None
    try:
        question = next(steps)
        while True:
            resolved = await world.answer_all(routing.resolver.resolve(environment, question.text))
            name = None
            if isinstance(resolved, Resolved):
                is_aliasable = routing.mailer(resolved.mailer).has("A")
                name = AliasName(resolved.user, question.text, is_aliasable)
            question = steps.send(name)
    except StopIteration as end:
        report: AliasReport = end.value
        return report


def _configuration(site_file: Path, options: Options) -> CfConfiguration:
    read, _ = load_rules(site_file)
    if read.errors:
        raise SiteError(complaint.problem for complaint in read.errors)
    configuration, complaints = with_options(read, options.settings)
    for complaint in complaints:
        if complaint.is_error:
            raise CommandError(str(complaint.problem), os.EX_USAGE)
    return configuration


def _environment(configuration: CfConfiguration, mode: str) -> Environment:
    environment = Environment(configuration.program.macros, switch=dict(service_switch(configuration)))
    environment.define("opMode", mode)
    return environment


def _in_world(
    configuration: CfConfiguration, options: Options, work: Callable[[World], Coroutine[object, object, None]]
) -> None:
    """Do something that asks maps, aliases and accounts."""
    clock = SystemClock()
    logins = logins_of(configuration, clock, Path(options.users) if options.users else None)

    async def run() -> None:
        world, answers = open_world(configuration, clock, logins)
        try:
            await work(world)
        finally:
            await answers.close()

    asyncio.run(run())


def print_octets(lines: list[str]) -> None:
    """Print octet text in seven bits; what a terminal must not see is shown as a question mark."""
    for line in lines:
        bare = "".join(chr(ord(one) & 0x7F) for one in line)
        shown = "".join("?" if (one < " " and one != "\t") or one == "\x7f" else one for one in bare)
        sys.stdout.write(f"{os.fsdecode(shown.encode('latin-1', 'replace'))}\n")
