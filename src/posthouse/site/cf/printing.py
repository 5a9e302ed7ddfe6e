"""A configuration printed as sendmail's address test mode prints it: ``=M``, ``=Sname``, ``$=x``, ``$x``."""

from collections.abc import Mapping
from typing import Final

from posthouse.rewriting.program import Rule, RuleSet
from posthouse.rewriting.symbols import SYMBOL_OCTETS
from posthouse.rewriting.tokens import Syntax, Table
from posthouse.site.cf.declared import CfConfiguration, MailerDeclaration
from posthouse.site.cf.dollars import as_written, written

_CONTROLS: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_EIGHT_BITS, _ORDINARY_NEXT = 0x80, "\xff"
_BEFORE_NAMES: Final = frozenset("\x81\x82\x93\x94")  # octets of metasymbols with a name behind them
_BEFORE_NUMBER: Final = "\x95"
UNDEFINED_TYPE: Final = "<undefined>"
_SYMBOL_TABLE_SIZE: Final = 2003
_CLASS_SYMBOL: Final = 1  # the kind of a symbol, from which its place is computed


def visible(text: str) -> str:
    """Return octet text as it is shown: ``M-x`` for an 8-bit octet, ``\\n`` for a line end.

    An octet that stands for a metasymbol is shown as one, unless 0xff is before it.  Nothing is shown of 0xff, nor of
    other controls.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    before = ""
    for char in written(text):
        symbol = SYMBOL_OCTETS.get(char) if before != _ORDINARY_NEXT else None
        last, before = before, char
        if last in _BEFORE_NAMES and char >= "\x80":
            before = ""
            shown.append("{***UNDEFINED MACRO***}")
        elif last == _BEFORE_NUMBER and char >= "\x80":
            before = ""
            shown.append(f"^{chr(ord(char) ^ 0x40)}")
        elif symbol is not None:
            shown.append(as_written(symbol))
        elif char != _ORDINARY_NEXT:
            low = chr(ord(char) % _EIGHT_BITS)
            shown.append("M-" if low != char else "")
            shown.append(low if " " <= low <= "~" else _CONTROLS.get(low, ""))
    return "".join(shown)


def mailer_lines(configuration: CfConfiguration) -> list[str]:
    """Return what ``=M`` prints: every mailer in the order of its number."""
    labels = {number: rules.name for number, rules in configuration.program.rule_sets.items() if rules.name}
    return [_mailer_line(mailer, labels) for mailer in configuration.mailers.values()]


def _mailer_line(mailer: MailerDeclaration, labels: dict[int, str]) -> str:
    sets = (mailer.sender_envelope, mailer.sender_header, mailer.recipient_envelope, mailer.recipient_header)
    sender, sender_header, recipient, recipient_header = (labels.get(number, str(number)) for number in sets)
    types = (mailer.mta_type, mailer.address_type, mailer.diagnostic_type)
    charset = f" C={mailer.charset}" if mailer.charset else ""
    return (
        f"mailer {mailer.number} ({mailer.name}): P={mailer.path} S={sender}/{sender_header}"
        f" R={recipient}/{recipient_header} M={mailer.largest_message} U={mailer.uid}:{mailer.gid}"
        f" F={mailer.flags} L={mailer.longest_line} E={visible(mailer.end_of_line)}{charset}"
        f" T={'/'.join(kind or UNDEFINED_TYPE for kind in types)} r={mailer.recipients_per_envelope}"
        f" A={' '.join(map(visible, mailer.argv))}"
    )


def rule_lines(configuration: CfConfiguration, name: str) -> list[str] | None:
    """Return what ``=Sname`` prints: the rules as tokens; None when there is no such set."""
    program = configuration.program
    number = int(name) if name.isdigit() and len(name) < 4 else program.names.get(name)
    rule_set = program.rule_sets.get(number, RuleSet(number)) if number is not None else None
    if rule_set is None:
        return None
    syntax = Syntax(program.operators, program.blank_substitute)
    table = Table.VERBATIM if program.level >= 9 else Table.INTERNAL
    return [_rule_line(rule, syntax, table) for rule in rule_set.rules]


def _rule_line(rule: Rule, syntax: Syntax, table: Table) -> str:
    left, right = (
        "".join(f"{visible(token)} " for token in syntax.scan(side, table, lenient=True).tokens or ())
        for side in (rule.left, rule.right)
    )
    return f"R{left}\t\t{right}"


def class_words(configuration: CfConfiguration, name: str) -> list[str]:
    """Return the words of a class as they were first written, sorted."""
    words = configuration.program.classes.get(name, frozenset())
    return sorted(visible(configuration.spellings.get(word, word)) for word in words)


def class_words_as_stored(configuration: CfConfiguration, name: str) -> list[str]:
    """Return the words in the order that ``$=x`` prints them: by their place in sendmail's symbol table."""
    words = sorted(configuration.program.classes.get(name, frozenset()))
    return [visible(configuration.spellings.get(word, word)) for word in sorted(words, key=_place_in_symbol_table)]


def _place_in_symbol_table(word: str) -> int:
    place = _CLASS_SYMBOL
    for char in word:
        place = ((place << 1) ^ (ord(char) & 0xFF)) % _SYMBOL_TABLE_SIZE
    return place


def macro_value(macros: Mapping[str, str], name: str) -> str | None:
    """Return what ``$name`` shows: the value as it was given; None when the macro is not defined."""
    return None if name not in macros else visible(macros[name])
