"""MCHN: a channel, mmdftailor(5)."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from posthouse.mail.mmdf_fields import Field
from posthouse.site.tailor import kinds
from posthouse.site.tailor.complaints import Entry, one_of, shown
from posthouse.site.tailor.entries import FREE, REG, AddressForm, AddressStyle, Auth, LogSpec, Mode, TailorChannel
from posthouse.site.tailor.lists import Tables, base_word
from posthouse.site.tailor.specs import read_value

# Keys whose value is kept as it is, and those that are numbers.
_TEXTS: Final = ("show", "que", "tbl", "pgm", "lname", "ldomain", "host", "user", "scr", "trn", "confstr")
_NUMBERS: Final[dict[str, Callable[[str], object]]] = {
    "poll": kinds.number,
    "ttl": kinds.count,
    "warntime": kinds.count,
    "failtime": kinds.count,
}
_DEFINED: Final = ("insrc", "outsrc", "indest", "outdest", "known")  # name a table that stands further up
_KEYS: Final = ("name", *_TEXTS, *_NUMBERS, *_DEFINED, "mod", "ap", "auth", "log", "level")
_FORMS: Final = {each.value: each for each in AddressForm}
_STYLES: Final = {"big": "big", "nodots": "nodots", "try": "try_", "nosrcrt": "nosrcrt", "rejsrcrt": "rejsrcrt"}
# No kind of today's channels dials, polls or is polled.
IDLE_KEYS: Final = {
    "scr": "there are no dial scripts any more",
    "trn": "there are no phone transcripts any more",
    "poll": "no channel is polled: mail is sent when it is due",
}
_UUCP: Final = "uucp"
_UUCP_CONFSTR: Final = "each address has a uux of its own, and is written as RFC 976 has it"
STYLE_WORDS: Final = (*_FORMS, *_STYLES, "jnt")


class _Channel(Struct):
    """A channel being read; ``said`` are its plain keys."""

    said: dict[str, object]
    mod: Mode
    ap: AddressStyle
    auth: Auth
    log: LogSpec


def read_channel(entry: Entry, tables: Tables, *, lname: str, ldomain: str, log: LogSpec) -> TailorChannel | None:
    """Return a channel; None, with a complaint, when it has no name.  The defaults are those of this moment."""
    base = base_word(entry, "a channel")
    channel = _Channel(
        {"name": base, "que": base, "pgm": base, "lname": lname, "ldomain": ldomain}, REG, AddressStyle(), FREE, log
    )
    for field in entry.fields:
        if field.key is not None:
            _key(entry, field, channel, tables)
    name = channel.said.pop("name")
    if not isinstance(name, str) or not name:
        entry.complain(None, "a channel without a name", "begin with it: MCHN smtp, tbl=smtp, pgm=smtp")
        return None
    return _finished(entry, name, channel, tables)


def _finished(entry: Entry, name: str, channel: _Channel, tables: Tables) -> TailorChannel:
    said = channel.said
    show = str(said.get("show") or name)
    said["tbl"] = tables.need(str(said.get("tbl") or name), show if "show" in said else "", entry.origin)
    said["show"] = show
    said["que"], said["pgm"] = said["que"] or name, said["pgm"] or name
    if str(said["pgm"]).rpartition("/")[2].lower() == _UUCP and said.get("confstr"):
        entry.complaints.note_idle(entry.origin, f"confstr= of the channel {name}", _UUCP_CONFSTR)
    return TailorChannel(
        name,
        mod=channel.mod,
        ap=channel.ap,
        auth=channel.auth,
        log=channel.log,
        origin=entry.origin,
        **said,  # type: ignore[arg-type]  # _key puts in what the fields of a channel are
    )


def _key(entry: Entry, field: Field, channel: _Channel, tables: Tables) -> None:
    key = (field.key or "").lower()
    if key in IDLE_KEYS:
        origin = entry.record.place(field.offset, entry.complaints.file)
        entry.complaints.note_idle(origin, f"{key}= of a channel", IDLE_KEYS[key])
    if key == "name" or key in _TEXTS:
        channel.said[key] = field.text
    elif key in _NUMBERS:
        value = read_value(entry, field, _NUMBERS[key], channel.said.get(key))
        if value is not None:
            channel.said[key] = value
    elif key in _DEFINED:
        _defined(entry, field, channel, tables)
    else:
        _token(entry, field, channel, key)


def _token(entry: Entry, field: Field, channel: _Channel, key: str) -> None:
    """Read a key that may stand more than once, each adding to what stood before."""
    match key:
        case "mod":
            channel.mod |= read_value(entry, field, lambda text: kinds.token(text, Mode, "reg"), REG)
        case "auth":
            channel.auth |= read_value(entry, field, lambda text: kinds.token(text, Auth, "free"), FREE)
        case "ap":
            channel.ap = _style(entry, field, channel.ap)
        case "log":
            channel.log = replace(channel.log, file=field.text or channel.log.file)
        case "level":
            level = read_value(entry, field, kinds.level, channel.log.level)
            # A channel may say more than MCHANLOG asks for, never less.
            channel.log = replace(channel.log, level=max(channel.log.level, level))
        case "base":
            pass
        case _:
            entry.complain(field, f"a channel has no key {shown(key)}", one_of(_KEYS))


def _defined(entry: Entry, field: Field, channel: _Channel, tables: Tables) -> None:
    table = tables.find(field.text)
    if table is None:
        wrong = f"{field.key}: there is no table {shown(field.text)} so far"
        entry.complain(field, wrong, "write its MTBL above the channel; the key is left out")
    else:
        channel.said[(field.key or "").lower()] = table.name


def _style(entry: Entry, field: Field, before: AddressStyle) -> AddressStyle:
    style = styled(before, field.text)
    if style is None:
        entry.complain(field, f"ap={shown(field.text)} is unknown", one_of(STYLE_WORDS))
    return style or before


def styled(before: AddressStyle, word: str) -> AddressStyle | None:
    """Return a style after one word of ``ap=``; None for one that is unknown."""
    word = word.lower()
    if word in _FORMS:
        return replace(before, form=_FORMS[word])
    if word == "jnt":
        return replace(before, form=AddressForm.RFC733, big=True)
    return replace(before, **{_STYLES[word]: True}) if word in _STYLES else None
