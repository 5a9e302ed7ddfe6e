"""The channels of a document, those that are there without being declared, and what each kind needs."""

from posthouse.mail.limits import Timeouts
from posthouse.site.model import ChannelDeclaration, ChannelKind, MailboxFormat
from posthouse.site.toml import language
from posthouse.site.toml.positions import TomlPath
from posthouse.site.toml.references import kind_of
from posthouse.site.toml.walk import Values, Walk

_KINDS = {kind.value: kind for kind in ChannelKind}
RESERVED = "report"  # mail.queued.REPORT_CHANNEL, whose import would slow down every command


def read_channels(walk: Walk, timeouts: Timeouts) -> dict[str, ChannelDeclaration]:
    """Read every channel, and add ``smtp`` and ``local`` where they are not declared."""
    channels: dict[str, ChannelDeclaration] = {}
    for name, table, path in walk.named(language.CHANNELS):
        if "kind" not in table and name not in _KINDS:
            walk.wrong(path, f"the channel {name} has no kind", "add kind: one of " + ", ".join(_KINDS))
        kind = kind_of(table, _KINDS.get(name, ChannelKind.SMTP))
        values = walk.table(language.CHANNELS, table, path, kind.value)
        values["kind"] = kind
        _complete(walk, kind, values, timeouts)
        _check(walk, name, kind, values, path)
        # The language describes a channel by the fields of ChannelDeclaration.
        channels[name] = ChannelDeclaration(name, origin=walk.origin(path), **values)  # type: ignore[arg-type]
    channels.setdefault("smtp", ChannelDeclaration("smtp", ChannelKind.SMTP))
    channels.setdefault("local", ChannelDeclaration("local", ChannelKind.LOCAL, mailbox=f"{walk.home}/mail/{{user}}/"))
    return channels


def _complete(walk: Walk, kind: ChannelKind, values: Values, timeouts: Timeouts) -> None:
    """Give the channel those defaults that depend on other things."""
    if kind is ChannelKind.LOCAL:
        end = "" if values.get("mailbox_format") is MailboxFormat.MBOX else "/"
        values.setdefault("mailbox", f"{walk.home}/mail/{{user}}{end}")
    if kind is ChannelKind.PROGRAM:
        values.setdefault("time_limit", timeouts.program)
        argv = values.get("argv")
        if isinstance(argv, tuple) and argv and "/" in argv[0] and not argv[0].startswith("/"):
            values["argv"] = (f"{walk.home}/{argv[0]}", *argv[1:])


def _check(walk: Walk, name: str, kind: ChannelKind, values: Values, path: TomlPath) -> None:
    relay, argv = values.get("relay", ""), values.get("argv")
    if name == RESERVED:
        walk.wrong(path, f'"{name}" is the name under which Posthouse queues its own reports', "choose another name")
    if kind is ChannelKind.PROGRAM and argv is None:
        walk.wrong(path, f"the channel {name} has no program", 'add argv, as in argv = ["/usr/bin/filter", "{user}"]')
    if isinstance(argv, tuple) and argv and "/" not in argv[0]:
        # Programs are run with a clean environment: there is no PATH to search.
        walk.wrong((*path, "argv"), f'"{argv[0]}" is not a path', f'write where it is, as in "/usr/bin/{argv[0]}"')
    if kind is ChannelKind.LMTP and not relay and "relay" not in values:
        walk.wrong(path, f"the channel {name} has no relay", 'add relay, as in relay = "unix:/run/dovecot/lmtp"')
    if kind is ChannelKind.SMTP and isinstance(relay, str) and relay.startswith("unix:"):
        walk.wrong((*path, "relay"), "an smtp channel connects to hosts, not to Unix sockets", 'write kind = "lmtp"')
