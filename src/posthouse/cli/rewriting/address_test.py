"""``sendmail -bt``: address test mode, line for line as the real program has it.

One line is one command: rule sets and addresses (``3,0 joe@example.org``), or what begins with ``. = $ / - ? #``.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Final

from posthouse.cli.rewriting.debugging import RuleWatch
from posthouse.cli.rewriting.rewriter import Rewriter, Rewriters, UndefinedRuleSet, add_words, define_macro
from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.rewriting.compiled import HIGHEST_RULE_SET, named_rule_set
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.engine import OK
from posthouse.rewriting.environment import Event, RuleSetEntered, RuleSetLeft
from posthouse.rewriting.macros import NO_SUCH_NAME, is_hopeless, parse_name
from posthouse.rewriting.recipients import Purpose
from posthouse.rewriting.symbols import in_octets
from posthouse.site.cf.machine import SENDMAIL_VERSION
from posthouse.site.cf.printing import class_words_as_stored, macro_value, mailer_lines, rule_lines, visible

BANNER: Final = "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n"
PROMPT: Final = "> "
LONGEST_LINE: Final = 64 * 1024  # octets; the rest of a longer one is a line of its own
_BLANKS: Final = " \t\n\v\f\r"
_SIGNS: Final = "*+-@&.#~[]()|?:>0123456789"  # that $ makes metasymbols of: they stand for themselves
_FILE_MAPS: Final = frozenset({"hash", "btree", "dbm", "text", "cdb"})
_TEMPORARY, _CONFIGURATION = os.EX_TEMPFAIL, os.EX_CONFIG
_LONGEST_NAME: Final = 255  # octets, of a host
# What "not found" is; 0 for every other class of maps.
_NOT_FOUND_CODES: Final = {
    **dict.fromkeys(("host", "dns", "text", "null", "sequence", "switch"), os.EX_NOHOST),
    "user": os.EX_NOUSER,
    "arpa": os.EX_DATAERR,
}


class AddressTest:
    """One session of test mode.  ``write`` takes octet text."""

    def __init__(self, rewriter: Rewriter, write: Callable[[str], None], debugging: str = "") -> None:
        self._rewriter = rewriter
        self._write = write
        self._watch = RuleWatch(self._print)
        self._environment = rewriter.environment(self._hear)
        self._purpose = Purpose()
        self._is_over = False
        if debugging:
            self._set_debugging(debugging)

    def serve(self, lines: Iterable[str]) -> None:
        """Answer one line after the other, up to ``/quit`` or the end."""
        self._write(BANNER)
        self._write(PROMPT)
        for line in lines:
            self.answer(line.removesuffix("\n"))
            if self._is_over:
                return
            self._write(PROMPT)

    def answer(self, line: str) -> None:
        """Answer one line; the white space before it counts for nothing."""
        line = line.lstrip(_BLANKS)
        if not line or line.startswith("#"):
            return
        commands = {
            "?": self._help,
            ".": self._define,
            "=": self._show_rules,
            "$": self._show_value,
            "/": self._command,
            "-": self._debug,
        }
        commands.get(line[0], self._rewrite)(line)

    def _print(self, line: str) -> None:
        self._write(f"{line}\n")

    def _hear(self, event: Event) -> None:
        """Print what happens in the engine."""
        if isinstance(event, RuleSetEntered):
            self._print(f"{event.name:<16.16}   input:{_listed(event.tokens)}")
        elif isinstance(event, RuleSetLeft):
            self._print(f"{event.name:<16.16} returns:{_listed(event.tokens)}")
        elif isinstance(event, Complaint):
            self._print(str(event))
        else:
            self._watch.hear(event)

    # Rule sets.

    def _rewrite(self, line: str) -> None:
        names, blank, text = _first_word(line)
        if not blank:
            self._print("No address!")
            return
        for result in self._rewriter.rule_sets(self._environment, text, names):
            if isinstance(result, UndefinedRuleSet):
                self._undefined(result)
            elif result.status != OK:
                self._print(f"== Ruleset {result.names} ({result.number}) status {result.status}")

    def _undefined(self, wrong: UndefinedRuleSet) -> None:
        name = wrong.name.lstrip()
        if wrong.is_bad_number:
            self._print(f"bad ruleset {named_rule_set(name)[:9]} ({HIGHEST_RULE_SET + 1} max)")
        elif not named_rule_set(name):
            self._print(f'invalid ruleset name: "{name}"')
        self._print(f"Undefined ruleset {wrong.name}")

    # ? . = $ -

    def _help(self, _: str) -> None:
        self._print(f"Sendmail {SENDMAIL_VERSION} -- HELP not implemented")

    def _define(self, line: str) -> None:
        kind = line[1:2]
        if not kind:
            self._print("Usage: .[DC]macro value(s)")
            return
        if kind not in "DC":
            self._print(f'Unknown "." command {line}')
            return
        if line == ".C":
            return  # the real program says nothing here
        name, end = self._name(line, 2)
        if name:
            if kind == "D":
                define_macro(self._environment, name, line[end:], self._rewriter.program.program.level)
            else:
                self._rewriter = add_words(self._rewriter, self._environment, name, line[end:])

    def _show_rules(self, line: str) -> None:
        kind = line[1:2]
        if kind == "M":
            for one in mailer_lines(self._rewriter.configuration):
                self._print(one)
        elif kind == "S":
            name = line[2:].lstrip()
            number = self._rewriter.program.number_of(name)
            lines = None if number is None else rule_lines(self._rewriter.configuration, str(number))
            if lines is None:
                self._undefined(UndefinedRuleSet(line[2:], is_bad_number=name[:1].isdigit()))
            for one in lines or ():
                self._print(one)
        elif kind:
            self._print(f'Unknown "=" command {line}')
        else:
            self._print("Usage: =Sruleset or =M")

    def _show_value(self, line: str) -> None:
        if line[1:2] == "=":
            name, _ = self._name(line, 2)
            for word in class_words_as_stored(self._rewriter.configuration, name) if name else ():
                self._print(word)
        elif line[1:2] and line[1] in _SIGNS:
            self._print(line[:2])
        else:
            name, _ = self._name(line, 1)
            value = macro_value(self._environment.macros, name)
            if name:
                self._print("Undefined" if value is None else value)

    def _name(self, line: str, at: int) -> tuple[str, int]:
        """Read the name of a macro or class, and complain if there is none."""
        return parse_name(line, at, self._complain_of_name)

    def _complain_of_name(self, text: str) -> None:
        self._print(text)
        if is_hopeless(text):
            self._print(NO_SUCH_NAME)

    def _debug(self, line: str) -> None:
        if line[1:2] == "d":
            self._set_debugging(line[2:])
        elif line == "-":
            self._print("Usage: -d{debug arguments}")
        else:
            self._print(f'Unknown "-" command {line}')

    def _set_debugging(self, text: str) -> None:
        self._watch.set_levels(text)
        self._environment.is_watching_rules = self._watch.is_watching

    # /commands

    def _command(self, line: str) -> None:
        name, _, rest = _first_word(line[1:])
        rest = rest.strip(_BLANKS)
        commands: dict[str, Callable[[str], None]] = {
            "parse": self._parse,
            "try": self._try,
            "tryflags": self._set_flags,
            "canon": self._canon,
            "map": self._map,
            "mx": self._mail_exchangers,
            "quit": self._quit,
        }
        command = commands.get(name.lower())
        if line == "/":
            self._print("Usage: /[canon|map|mx|parse|try|tryflags]")
        elif command is None:
            self._print(f'Unknown "/" command {line}')
        else:
            command(rest)

    def _quit(self, _: str) -> None:
        self._is_over = True

    def _parse(self, address: str) -> None:
        if not address:
            self._print("Usage: /parse address")
            return
        self._print(f"Cracked address = {visible(self._rewriter.crack(address))}")
        self._print(f"Parsing {_in_words(self._purpose)} address")
        resolved = self._rewriter.parse(self._environment, address, self._purpose)
        if resolved is None:
            self._print("Cannot parse")
            return
        host = f", host {resolved.host}" if resolved.host else ""
        self._print(in_octets(f"mailer {resolved.mailer}{host}, user {resolved.user}"))

    def _try(self, rest: str) -> None:
        name, _, address = _first_word(rest)
        address = address.lstrip(_BLANKS)
        if not address:
            self._print("Usage: /try mailer address")
            return
        mailer = self._rewriter.mailer(name)
        if mailer is None:
            self._print(f"Unknown mailer {name}")
            return
        self._print(f"Trying {_in_words(self._purpose)} address {address} for mailer {name}")
        named = self._rewriter.name_for(self._environment, address, mailer, self._purpose)
        self._print(f"Rcode = {named.status}, addr = {in_octets(named.text)}")

    def _set_flags(self, text: str) -> None:
        if not text:
            self._print("Usage: /tryflags [Hh|Ee][Ss|Rr]")
        self._purpose = purpose_of(text, self._purpose)

    def _canon(self, host: str) -> None:
        if not host:
            self._print("Usage: /canon address")
            return
        if len(host) > _LONGEST_NAME:
            self._print("Name too long")
            return
        self._print(f"getcanonname({host}) returns {self._rewriter.canonical_name(self._environment, host) or host}")

    def _map(self, rest: str) -> None:
        name, _, key = _first_word(rest)
        if not name:
            self._print("Usage: /map mapname key")
            return
        found = self._rewriter.program.map(name)
        if not key:
            self._print("No key specified")
        elif found is None:
            self._print(f'Map named "{name}" not found')
        elif (
            found.arguments.is_optional and found.declaration.kind in _FILE_MAPS and not _is_there(found.arguments.file)
        ):
            self._print(f'Map named "{name}" not open')
        else:
            answer = self._rewriter.ask_literally(self._environment, name, key)
            code = map_code(found.declaration.kind, answer)
            if answer.status is MapStatus.BROKEN and found.declaration.kind != "arith":
                self._print(f'Map named "{name}" not open')
                return
            said = "no match" if answer.status is not MapStatus.FOUND else f"returns {answer.value}"
            self._print(f"map_lookup: {name} ({key}) {said} ({code})")

    def _mail_exchangers(self, host: str) -> None:
        if not host:
            self._print("Usage: /mx address")
            return
        hosts = self._rewriter.mail_exchangers(host)
        self._print(f"getmxrr({host}) returns {len(hosts)} value(s):")
        for one in hosts:
            self._print(f"\t{one}")


def serve_standard_input(rewriters: Rewriters, cf: Path, debugging: str = "") -> int:
    """Serve standard input; return the exit code."""
    rewriter = rewriters.open(cf)
    for complaint in (*rewriter.configuration.complaints, *rewriter.problems):
        print(complaint, file=sys.stderr)

    def write(text: str) -> None:
        sys.stdout.buffer.write(text.encode("latin-1", "replace"))
        sys.stdout.buffer.flush()

    AddressTest(rewriter, write, debugging).serve(read_lines(sys.stdin.buffer))
    return os.EX_CONFIG if rewriter.configuration.errors else os.EX_OK


def purpose_of(flags: str, usual: Purpose) -> Purpose:
    """Return what addresses are rewritten for by letters: H or E, S or R; what is not said stays as usual."""
    is_header, is_sender = usual.is_header, usual.is_sender
    for letter in flags.upper():
        if letter in "HE":
            is_header = letter == "H"
        elif letter in "SR":
            is_sender = letter == "S"
    return Purpose(is_header, is_sender)


def map_code(kind: str, answer: MapAnswer) -> int:
    """Return the status of sysexits(3) that a map answers with."""
    if answer.status is MapStatus.TEMPORARY:
        return _TEMPORARY
    if answer.status is MapStatus.BROKEN:
        return _CONFIGURATION
    return _NOT_FOUND_CODES.get(kind, answer.code) if answer.status is MapStatus.NOT_FOUND else OK


def read_lines(stream: BinaryIO) -> Iterable[str]:
    """Yield the lines of a stream as octet text."""
    while line := stream.readline(LONGEST_LINE):
        yield line.decode("latin-1")


def _first_word(text: str) -> tuple[str, str, str]:
    """Return the first word, the blank behind it, and the rest."""
    text = text.lstrip(_BLANKS)
    end = next((at for at, char in enumerate(text) if char in _BLANKS), len(text))
    return text[:end], text[end : end + 1], text[end + 1 :]


def _listed(tokens: tuple[str, ...]) -> str:
    return "".join(f" {visible(token)}" for token in tokens)


def _in_words(purpose: Purpose) -> str:
    return f"{'header' if purpose.is_header else 'envelope'} {'sender' if purpose.is_sender else 'recipient'}"


def _is_there(path: str) -> bool:
    return any(os.access(path + ending, os.R_OK) for ending in ("", ".db", ".pag", ".cdb"))
