"""What a configuration file says and we have no use for, each with its reason: ``posthouse check`` lists it."""

from collections.abc import Iterator
from typing import Final

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.cf.blame import idle_words
from posthouse.site.cf.declared import CfConfiguration, MailerDeclaration
from posthouse.site.cf.options.table import OPTIONS

# Flags of F= that change nothing here, with the reason.
IDLE_FLAGS: Final = {
    "0": "a relay in brackets has its MX left alone",
    "3": "octets are never changed for EBCDIC",
    "R": "connections come from any port",
    "W": "the state of hosts is not kept on disk",
    "Z": "a host that cannot be reached is tried again later",
    "i": "there is no user database",
    "j": "there is no user database",
    "k": "a HELO with our own name is no loop here",
    "v": "no Content-Length: is added",
    "~": "homes of users are looked at when something is written there",
    "H": "it is reserved",
    "I": "it is reserved",
    "K": "it is reserved",
    "N": "it is reserved",
}


def without_effect(configuration: CfConfiguration) -> Iterator[Problem]:
    """Yield every line that is accepted and does nothing, in the file's order within each kind."""
    for name, settings in configuration.settings.items():
        option = OPTIONS[name]
        if not option.has_effect:
            implied = _implying_lines(configuration, name)
            yield from (
                Problem(setting.origin, f"the option {name} has no effect", option.reason)
                for setting in settings
                if setting.origin not in implied
            )
    yield from idle_words(configuration)
    for mailer in configuration.mailers.values():
        yield from _of_mailer(mailer)
    for milter in configuration.milters:
        yield Problem(milter.origin, f"the filter {milter.name} is not asked", "there are no mail filters yet")
    for group in configuration.queue_groups.values():
        yield Problem(
            group.origin, f"the queue group {group.name} has no effect", "there is one queue, fair to all hosts"
        )


def _implying_lines(configuration: CfConfiguration, name: str) -> frozenset[Origin]:
    """Return the lines that set an option only by the way: Timeout.queuewarn sets those of all precedences."""
    whole, _, _ = name.rpartition(".")
    return frozenset(setting.origin for setting in configuration.settings.get(whole, ()))


def _of_mailer(mailer: MailerDeclaration) -> Iterator[Problem]:
    for flag in mailer.flags:
        if flag in IDLE_FLAGS and mailer.origin.line:
            yield Problem(mailer.origin, f"mailer {mailer.name}: F={flag} has no effect", IDLE_FLAGS[flag])
    for what, is_given in (
        ("C=", mailer.charset != ""),
        ("Q=", mailer.queue_group != ""),
        ("/=", mailer.root != ""),
    ):
        if is_given:
            yield Problem(mailer.origin, f"mailer {mailer.name}: {what} has no effect", _REASONS[what])


_REASONS: Final = {
    "C=": "octets of a message are never changed",
    "Q=": "there is one queue, fair to all hosts",
    "/=": "programs run under the root of the daemon",
}
