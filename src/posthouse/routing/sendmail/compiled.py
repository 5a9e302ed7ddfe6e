"""What routing by a sendmail.cf needs of the configuration, made ready once."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.mailers import MailerTraits
from posthouse.rewriting.recipients import AddressResolver
from posthouse.rewriting.symbols import MACRO
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.assemble import site_name
from posthouse.site.cf.declared import CfConfiguration

# Deeper is no alias file that a person wrote; what the configuration allows beyond it would cost the stack.
DEEPEST_ALIASES: Final = 100
_USUAL_FORWARD: Final = f"{MACRO}z/.forward"


class SendmailRouting(Struct, frozen=True):
    """One configuration.  ``no_aliases`` is the option -n of the command line."""

    configuration: CfConfiguration
    program: CompiledProgram
    mailers: Mapping[str, MailerTraits]  # by lower-case name
    resolver: AddressResolver
    host_name: str  # $j
    forward_paths: tuple[str, ...]  # unexpanded
    deepest_aliases: int
    most_forward_entries: int  # 0: no limit
    default_user: str  # a login name or a number
    default_group: str
    matches_full_names: bool
    holds_expensive: frozenset[str]
    keeps_sender: bool  # MeToo
    is_old_style: bool
    no_aliases: bool = False

    def mailer(self, name: str) -> MailerTraits:
        """Return a mailer; one without flags for the built-in ones that are not declared."""
        return self.mailers.get(fold(name)) or MailerTraits(name)

    def has_rule_set(self, number: int) -> bool:
        """Has the rule set any rules?"""
        return self.program.rule_set(number) is not None


def _forward_paths(configuration: CfConfiguration) -> tuple[str, ...]:
    """Return where users' own instructions are looked for: nowhere when the option is set to nothing."""
    text = configuration.text("ForwardPath") if configuration.is_set("ForwardPath") else _USUAL_FORWARD
    return tuple(path for path in text.split(":") if path)


def compile_sendmail(configuration: CfConfiguration, *, no_aliases: bool = False) -> SendmailRouting:
    """Make a configuration ready."""
    program = CompiledProgram(configuration.program)
    mailers = {name: mailer.traits for name, mailer in configuration.mailers.items()}
    user, _, group = configuration.text("DefaultUser").replace(".", ":", 1).partition(":")
    expensive = frozenset(mailer.name for mailer in mailers.values() if mailer.has("e"))
    return SendmailRouting(
        configuration,
        program,
        mailers,
        AddressResolver(program, mailers),
        site_name(configuration),
        _forward_paths(configuration),
        min(max(configuration.number("MaxAliasRecursion"), 0), DEEPEST_ALIASES),
        max(configuration.number("MaxForwardEntries"), 0),
        user,
        group,
        configuration.flag("MatchGECOS"),
        expensive if configuration.flag("HoldExpensive") else frozenset(),
        configuration.flag("MeToo"),
        configuration.flag("OldStyleHeaders"),
        no_aliases,
    )
