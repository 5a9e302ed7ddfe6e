"""The header of a message when it is taken in: the defaults of the H lines beside the fields of the message.

Sendmail Installation and Operation Guide, section 5.5.  What is bound here stays: every mailer, every attempt
and every report shows the same date and the same message id.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

from msgspec import Struct

from posthouse.mailers.fields import Field, Nature, has_value
from posthouse.rewriting.crack import crack
from posthouse.rewriting.macros import expand
from posthouse.rewriting.remote_names import USUAL_SYNTAX, HeaderSyntax
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import HeaderDeclaration

_SEPARATORS = frozenset(",(<;")
_SHOWN_RECIPIENTS = frozenset({"to", "cc", "apparently-to"})


class NoRecipient(Enum):
    """The option NoRecipientAction: what a message without To, Cc and Bcc is given."""

    NONE = "none"
    ADD_TO = "add-to"
    ADD_APPARENTLY_TO = "add-apparently-to"
    ADD_BCC = "add-bcc"
    ADD_TO_UNDISCLOSED = "add-to-undisclosed"


class Binding(Struct, frozen=True):
    """What is known of a message when its header is complete.

    ``macros`` hold the values at this moment, ``g`` and ``f`` the sender as given.  A From field whose text is one of
    ``sender_forms`` is dropped, to be made anew with the full name.  ``recipients`` are those that were named, latest
    first, for NoRecipientAction.
    """

    macros: Mapping[str, str]
    sender_forms: frozenset[str] = frozenset()
    recipients: Sequence[str] = ()
    is_old_style: bool = False  # the option OldStyleHeaders
    no_recipient: NoRecipient = NoRecipient.NONE
    syntax: HeaderSyntax = USUAL_SYNTAX


class BoundHeader(Struct, frozen=True):
    """The fields, those of H lines first.

    ``is_old_style``: blanks separate addresses of recipients.  ``drops_blind``: Bcc fields are left out; else they are
    emptied.
    """

    fields: tuple[Field, ...]
    is_old_style: bool = False
    is_resent: bool = False
    drops_blind: bool = False

    def value(self, name: str) -> str | None:
        """Return the first value of a field that is not waiting to be expanded; None without one."""
        return next((f.value for f in self.fields if not f.is_template and fold(f.name) == name), None)

    @property
    def hops(self) -> int:
        """How many hosts had the message, we among them if an H line says Received."""
        return sum(Nature.TRACE in field.nature for field in self.fields)


def bind_header(declarations: Sequence[HeaderDeclaration], own: Sequence[Field], binding: Binding) -> BoundHeader:
    """Join the defaults and the message's own fields, and expand what can be known now."""
    defaults = [_default(declaration) for declaration in declarations if not declaration.rule_set]
    fields: list[Field | None] = [*defaults]
    is_resent = False
    old_style = binding.is_old_style
    for field in own:
        is_resent = is_resent or Nature.RESENT in field.nature
        if _is_senders_own(field, binding, is_resent=is_resent):
            continue
        if field.nature & (Nature.SENDER | Nature.RECIPIENT) and not _SEPARATORS.isdisjoint(field.value):
            old_style = False
        _put(fields, field, len(defaults))
    macros = {**binding.macros, **_full_name(own, binding)}
    bound = [_bind(field, macros, binding.syntax) for field in fields if field is not None]
    names = {fold(field.name) for field in bound if not field.is_template}
    drops_blind = not names.isdisjoint(_SHOWN_RECIPIENTS)
    if not drops_blind and "bcc" not in names:
        bound += _added(binding)
    return BoundHeader(tuple(bound), old_style, is_resent, drops_blind)


def needs_quotes(name: str, must_quote: str) -> bool:
    """Would a full name be misread as it stands?"""
    quoted = escaped = False
    for character in name:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in must_quote:
            return True
    return quoted


def quoted_name(name: str, must_quote: str) -> str:
    """Return a full name, in quotes where it needs them."""
    if not needs_quotes(name, must_quote):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _default(declaration: HeaderDeclaration) -> Field:
    return Field(
        declaration.name,
        f" {declaration.template}",
        declaration.flags,
        declaration.macro,
        is_conditional=bool(declaration.flags or declaration.macro),
        is_template=True,
    )


def _is_senders_own(field: Field, binding: Binding, *, is_resent: bool) -> bool:
    name = "resent-from" if is_resent else "from"
    return fold(field.name) == name and field.value.strip() in binding.sender_forms


def _put(fields: list[Field | None], field: Field, defaults: int) -> None:
    """Add a field of the message; the default of its name goes, unless the message's is empty."""
    for place in range(defaults):
        default = fields[place]
        if default is None or fold(default.name) != fold(field.name) or Nature.REPEATABLE in field.nature:
            continue
        if not has_value(field):
            return
        fields[place] = None
        field = Field(field.name, field.value, default.flags, default.macro)
    fields.append(field)


def _full_name(own: Sequence[Field], binding: Binding) -> dict[str, str]:
    name = next((field.value.strip() for field in own if fold(field.name) == "full-name"), None)
    return {} if name is None else {"x": quoted_name(name, binding.syntax.must_quote)}


def _bind(field: Field, macros: Mapping[str, str], syntax: HeaderSyntax) -> Field:
    if not field.is_template or Nature.LATE in field.nature:
        return field
    value = expand(field.value, macros)
    if value in ("", " "):
        return field
    if Nature.SENDER in field.nature:
        value = expand(crack(value, syntax.must_quote, syntax.colon_is_ordinary), macros)
    return Field(field.name, value, field.flags, field.macro, field.is_conditional)


def _added(binding: Binding) -> list[Field]:
    """Return what NoRecipientAction adds."""
    match binding.no_recipient:
        case NoRecipient.ADD_TO | NoRecipient.ADD_APPARENTLY_TO as action:
            name = "To" if action is NoRecipient.ADD_TO else "Apparently-To"
            return [Field(name, f" {recipient}") for recipient in binding.recipients]
        case NoRecipient.ADD_BCC:
            return [Field("Bcc", " ")]
        case NoRecipient.ADD_TO_UNDISCLOSED:
            return [Field("To", " undisclosed-recipients:;")]
    return []
