"""Mailers as channels, as far as a channel of today can do what the mailer says.

Programs and files are delivered to by channels/mailer.py, which reads the mailer itself; what is said of them here is
for listings.  A mailer for which there is no channel is listed with the reason; nothing is ever delivered some other
way.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Final

from posthouse.mail.problem import Problem
from posthouse.rewriting.macros import NAME, bare_name, expand
from posthouse.rewriting.symbols import MACRO
from posthouse.site import names
from posthouse.site.cf.declared import CfConfiguration, MailerDeclaration
from posthouse.site.cf.listeners import PORTS, daemon_fields
from posthouse.site.model import ChannelDeclaration, ChannelKind

_MACRO: Final = re.compile(f"{MACRO}({NAME})", re.DOTALL)
# What a program is told of one recipient; $u of a local mailer is the user, of any other the whole address.
_PLACEHOLDERS: Final = {"h": "{domain}", "f": "{sender}", "g": "{sender}", "i": "{queue_id}"}
_BUILT_IN: Final = frozenset({"*include*"})


def read_channels(configuration: CfConfiguration, complaints: list[Problem]) -> dict[str, ChannelDeclaration]:
    """Return a channel for each mailer that can be one."""
    channels: dict[str, ChannelDeclaration] = {}
    for mailer in configuration.mailers.values():
        if mailer.name.lower() in _BUILT_IN:
            continue
        channel = _channel(configuration, mailer)
        if isinstance(channel, ChannelDeclaration):
            channels[channel.name] = channel
        else:
            complaints.append(
                Problem(mailer.origin, f"mailer {mailer.name} is no channel: {channel}", "mail to it waits")
            )
    return channels


def _channel(configuration: CfConfiguration, mailer: MailerDeclaration) -> ChannelDeclaration | str:
    """Return the channel, or why there is none."""
    if mailer.path == "[IPC]":
        return _connection(configuration, mailer)
    return ChannelDeclaration(
        name=mailer.name,
        kind=ChannelKind.PROGRAM,
        argv=(mailer.path, *(_argument(configuration, mailer, word) for word in mailer.argv[1:])),
        time_limit=timedelta(seconds=mailer.wait_seconds) if mailer.wait_seconds else timedelta(minutes=10),
        recipients_per_attempt=max(mailer.recipients_per_envelope, 1),
        directory=_directory(mailer),
        origin=mailer.origin,
    )


def _argument(configuration: CfConfiguration, mailer: MailerDeclaration, word: str) -> str:
    """Return a word of A= with placeholders for what a recipient gives, and values for everything else."""

    def value(match: re.Match[str]) -> str:
        name = bare_name(match[1])
        if name == "u":
            return "{user}" if mailer.is_local else "{recipient}"
        return _PLACEHOLDERS.get(name) or expand(match[0], configuration.program.macros)

    return _MACRO.sub(value, word)


def _directory(mailer: MailerDeclaration) -> Path | None:
    """Return the first directory of D= that does not depend on the recipient."""
    plain = (Path(part) for part in mailer.directories.split(":") if part.startswith("/") and MACRO not in part)
    return next(plain, None)


def _connection(configuration: CfConfiguration, mailer: MailerDeclaration) -> ChannelDeclaration | str:
    kind = ChannelKind.LMTP if mailer.has("z") else ChannelKind.SMTP
    relay = configuration.text("ConnectOnlyTo")
    try:
        if mailer.argv[0] == "FILE":
            if kind is not ChannelKind.LMTP:
                return "only LMTP (F=z) is spoken over a Unix socket"
            relay = names.lmtp_host(f"unix:{expand(mailer.argv[1], configuration.program.macros)}", Path("/"))
        elif kind is ChannelKind.LMTP or mailer.argv[1] != f"{MACRO}h":
            host = expand(mailer.argv[1], configuration.program.macros)
            relay = names.relay_host(f"{host}:{_port(mailer)}") if host else relay
        elif relay:
            relay = names.relay_host(f"[{relay}]")
    except ValueError as error:
        return str(error)
    if kind is ChannelKind.LMTP and not relay:
        return "LMTP is spoken to one named host or socket only"
    return ChannelDeclaration(
        name=mailer.name,
        kind=kind,
        relay=relay,
        port=_port(mailer),
        helo=configuration.text("HeloName"),
        source_address=_source_address(configuration),
        keep_connections=max(configuration.number("ConnectionCacheSize"), 0),
        idle=configuration.duration("ConnectionCacheTimeout"),
        messages_per_connection=mailer.messages_per_connection or 100,
        recipients_per_attempt=max(mailer.recipients_per_envelope, 1),
        origin=mailer.origin,
    )


def _port(mailer: MailerDeclaration) -> int:
    text = mailer.argv[2].lower() if len(mailer.argv) > 2 else "smtp"
    return PORTS.get(text) or (int(text) if text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536 else 25)


def _source_address(configuration: CfConfiguration) -> str:
    for text in configuration.words("ClientPortOptions"):
        address = daemon_fields(text).get("address", "")
        try:
            return names.ip_text(address)
        except ValueError:
            continue
    return ""
