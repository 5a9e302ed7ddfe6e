"""Which recipients go together: one mailer, one host, and with F=m more than one at a time.

Sendmail Installation and Operation Guide, section 5.4.  The order is that of the queue.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from posthouse.mail.envelope import MailerUser
from posthouse.mailers.arguments import takes_several
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import MailerDeclaration


class Addressee(Struct, frozen=True):
    """One recipient of a mailer: its number within its message, and the triple.  ``who`` is what it is told."""

    number: int
    mailer: str
    host: str
    who: MailerUser


class Load(Struct, frozen=True):
    """One delivery: the recipients that a mailer is called with at once."""

    mailer: MailerDeclaration
    host: str
    addressees: tuple[Addressee, ...]


def loads_of(addressees: Sequence[Addressee], mailers: Mapping[str, MailerDeclaration]) -> Iterator[Load]:
    """Yield the deliveries in order.  The first that is left picks mailer and host; others of the same join it.

    A mailer that the configuration does not have is a KeyError: who resolved the addresses had the same one.
    """
    left = list(addressees)
    while left:
        first = left.pop(0)
        mailer = mailers[fold(first.mailer)]
        together = [first]
        if takes_several(mailer):
            most = max(mailer.recipients_per_envelope, 1)
            for other in list(left):
                if len(together) < most and _go_together(first, other, mailer):
                    together.append(other)
                    left.remove(other)
        yield Load(mailer, first.host, tuple(together))


def _go_together(first: Addressee, other: Addressee, mailer: MailerDeclaration) -> bool:
    if fold(other.mailer) != fold(first.mailer) or other.host != first.host:
        return False
    if fold(mailer.name) in ("prog", "*file*") or mailer.has("o"):
        return _controller(other) == _controller(first)
    return True


def _controller(addressee: Addressee) -> tuple[str, int, int]:
    return addressee.who.controller, addressee.who.uid, addressee.who.gid
