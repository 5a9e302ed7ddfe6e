"""An address as a mailer's other side shall see it: in headers, and as the sender in the envelope."""

import re
from collections.abc import Generator

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer, MapQuestion
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.crack import DEFAULT_MUST_QUOTE, crack
from posthouse.rewriting.engine import OK, TEMPORARY_FAILURE, rewrite
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.macros import expand
from posthouse.rewriting.mailers import MailerTraits
from posthouse.rewriting.recipients import CANONIFY, FINAL, RECIPIENT, Purpose
from posthouse.rewriting.symbols import MACRO

SENDER = 1  # the rule set
_ADDRESS_ALONE = f"{MACRO}g"
LONGEST_ADDRESS, LONGEST_TEXT = 254, 256  # octets that are kept: of the address, and of it with what is around it
_MACRO_OCTET = "\x81"  # means a macro, whatever brought it in
_MACRO_IN_OCTETS = re.compile(f"{_MACRO_OCTET}(.?)", re.DOTALL)
_SHOWN_OCTETS = str.maketrans("\xff", "\x7f")


class HeaderSyntax(Struct, frozen=True):
    """How addresses are written here: the options MustQuoteChars and ColonOkInAddr."""

    must_quote: str = DEFAULT_MUST_QUOTE
    colon_is_ordinary: bool = False


USUAL_SYNTAX = HeaderSyntax()


class RemoteName(Struct, frozen=True):
    """The rewritten text, a status (0, or 75 when a map could not answer), and what was complained of."""

    text: str
    status: int = OK
    complaints: tuple[Complaint, ...] = ()


def remote_name(
    program: CompiledProgram,
    environment: Environment,
    address: str,
    mailer: MailerTraits,
    purpose: Purpose,
    *,
    sender_domain: tuple[str, ...] = (),
    is_canonical: bool = False,
    syntax: HeaderSyntax = USUAL_SYNTAX,
) -> Generator[MapQuestion, MapAnswer, RemoteName]:
    """Rewrite one address for a mailer; phrase and comments stay around it.

    ``sender_domain`` (``@`` and the domain, in tokens) is appended to an address that has none: the sender's mailer
    has F=C.  ``is_canonical``: the address alone is wanted, without phrase and comments.  What cannot be cut into
    tokens is left as it is.
    """
    environment.define("addr_type", purpose.address_type)
    bare = is_canonical or mailer.has("c")
    template = _ADDRESS_ALONE if bare else crack(address, syntax.must_quote, syntax.colon_is_ordinary)
    scanned = program.syntax.scan(address)
    complaints = list(scanned.complaints)
    if environment.listener is not None:
        for complaint in complaints:
            environment.listener(complaint)
    if scanned.tokens is None:
        return RemoteName(address, complaints=tuple(complaints))
    tokens, status = scanned.tokens, OK
    for number in _rule_sets(mailer, purpose):
        done = yield from rewrite(program, environment, number, tokens)
        if number == CANONIFY and sender_domain and "@" not in done.tokens:
            complaints.extend(done.complaints)
            done = yield from rewrite(program, environment, number, (*done.tokens, *sender_domain))
        tokens = done.tokens
        complaints.extend(done.complaints)
        status = TEMPORARY_FAILURE if TEMPORARY_FAILURE in (status, done.status) else OK
    text = program.syntax.join(tokens)[:LONGEST_ADDRESS].translate(_SHOWN_OCTETS)
    if is_canonical and text.startswith("@"):
        template = f"<{_ADDRESS_ALONE}>"
    return RemoteName(_put_back(template, text, environment), status, tuple(complaints))


def _rule_sets(mailer: MailerTraits, purpose: Purpose) -> list[int]:
    if purpose.is_sender:
        general, special = SENDER, mailer.sender_header if purpose.is_header else mailer.sender_envelope
    else:
        general, special = RECIPIENT, mailer.recipient_header if purpose.is_header else mailer.recipient_envelope
    return [CANONIFY, general, *([special] if special else []), FINAL]


def _put_back(template: str, text: str, environment: Environment) -> str:
    macros = environment.macros
    whole = expand(template, lambda name: text if name == "g" else macros.get(name))
    if _MACRO_OCTET in whole:
        whole = _MACRO_IN_OCTETS.sub(lambda found: macros.get(found[1]) or "", whole)
    return whole[:LONGEST_TEXT]
