"""How urgent a message of a sendmail site is: the lower the number, the sooner.

Sendmail Installation and Operation Guide, section 2.3.1: the size, so much for each recipient, less for a class above
others (P lines and the Precedence field), more for each attempt.
"""

from collections.abc import Iterable

from msgspec import Struct

from posthouse.mailers.fields import Field
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import CfConfiguration


class Factors(Struct, frozen=True):
    """The options RecipientFactor, ClassFactor and RetryFactor."""

    recipient: int = 30000
    precedence: int = 1800
    retry: int = 90000

    def priority(self, octets: int, *, recipients: int, precedence: int = 0, attempts: int = 0) -> int:
        """Return the priority of a message that came with so many recipients and has been tried so often."""
        return octets + recipients * self.recipient - precedence * self.precedence + attempts * self.retry


def precedence_word(fields: Iterable[Field]) -> str:
    """Return what the Precedence field says, in lower case: a name of the P lines, perhaps; "" without one."""
    return next((f.value.strip().lower() for f in fields if not f.is_template and fold(f.name) == "precedence"), "")


def factors_of(configuration: CfConfiguration) -> Factors:
    """Return the factors of a site."""
    return Factors(*(configuration.number(name) for name in ("RecipientFactor", "ClassFactor", "RetryFactor")))
