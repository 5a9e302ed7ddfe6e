"""How the SMTP server of a sendmail.cf presents itself: its greeting, its extensions, what it keeps to itself."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from posthouse.mail.dates import format_arpa_date, format_asctime
from posthouse.mail.limits import Limits
from posthouse.rewriting.macros import expand
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.machine import SENDMAIL_VERSION
from posthouse.smtp.sendmail_session import Personality

NO_MACROS: Final[Mapping[str, str]] = {}
_SILENT = frozenset({"goaway"})


def privacy_words(configuration: CfConfiguration) -> frozenset[str]:
    """Return the words of the option PrivacyOptions, in lower case."""
    return frozenset(
        word.lower() for text in configuration.words("PrivacyOptions") for word in text.replace(",", " ").split()
    )


def personality_of(
    configuration: CfConfiguration,
    limits: Limits,
    peer: str,
    now: datetime,
    *,
    macros: Mapping[str, str] = NO_MACROS,
    offers_auth: bool = False,
) -> Personality:
    """Return what a session that begins now is like.

    ``peer`` is what the client is called: ``user@localhost``, or its name and its address in brackets.
    ``macros`` are those that are known of it.
    """
    known = {**configuration.program.macros, **macros, "b": format_arpa_date(now), "d": format_asctime(now)}
    greeting = configuration.text("SmtpGreetingMessage")
    shown = expand(greeting, known).encode("latin-1", "replace").decode("utf-8", "replace")
    privacy = privacy_words(configuration)
    return Personality(
        greeting="\n".join(" ".join(line.split()) for line in shown.splitlines() if line.strip()),
        peer=peer,
        version=SENDMAIL_VERSION,
        extensions=tuple(_extensions(configuration, limits, privacy, offers_auth=offers_auth)),
        privacy=privacy,
        allows_any_name=configuration.flag("AllowBogusHELO"),
        recipients=min(max(configuration.number("MaxRecipientsPerMessage"), 0), limits.recipients),
        text_octets=_most_octets(configuration, limits),
        is_soft=configuration.flag("SoftBounce"),
    )


def _most_octets(configuration: CfConfiguration, limits: Limits) -> int:
    return min(max(configuration.number("MaxMessageSize"), 0), limits.text_octets)


def _extensions(
    configuration: CfConfiguration, limits: Limits, privacy: frozenset[str], *, offers_auth: bool
) -> Iterator[str]:
    def is_open(word: str) -> bool:
        return privacy.isdisjoint({word, *_SILENT})

    yield from ("ENHANCEDSTATUSCODES", "PIPELINING")
    if is_open("noexpn"):
        yield "EXPN"
        if is_open("noverb"):
            yield "VERB"
    yield "8BITMIME"
    most = _most_octets(configuration, limits)
    yield f"SIZE {most}" if most else "SIZE"
    if "noreceipts" not in privacy:
        yield "DSN"
    if "noetrn" not in privacy:
        yield "ETRN"
    if offers_auth:
        yield "AUTH DIGEST-MD5 CRAM-MD5"
    yield "DELIVERBY"
