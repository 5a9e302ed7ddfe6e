"""Who hands a message in, as far as submit needs to know."""

from __future__ import annotations  # so that the reply is imported by the type checker alone

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from posthouse.mail.reply import Reply

OWN_REPORTS: Final = "report"  # the protocol of what this site sends by itself: no rule about strangers applies
SENT_AGAIN: Final = "list"  # the protocol of what a channel of this site hands in again


class Welcome(Struct, frozen=True):
    """What a site's rules were told of a client when it connected, and what they said; every message begins with it.

    ``macros`` by their names; ``shown`` is what the client is called.  ``refusal`` is the answer to whatever it asks.
    ``discards`` and ``quarantine`` hold for all of its messages.
    """

    macros: Mapping[str, str]
    shown: str
    refusal: Reply | None = None
    discards: bool = False
    quarantine: str = ""


class Client(Struct, frozen=True):
    """An SMTP client, a local program or ourselves.

    ``name`` is what it called itself in HELO or EHLO; ``address`` its network
    address, "" for a command.  ``protocol`` is a word of RFC 3848 for the
    Received field ("ESMTP"), "" for none.  ``user`` is a local submitter whom the kernel
    vouched for, ``full_name`` what it calls itself in a From
    field.  ``local_submission`` says that the text comes from a person
    or program and may be completed (RFC 6409 section 8); relayed text never is.
    """

    name: str = ""
    address: str = ""
    protocol: str = ""
    may_relay: bool = False
    user: str = ""
    local_submission: bool = False
    full_name: str = ""
    port: int = 0
    reached: tuple[str, int] = ("", 0)  # our own address and port
    listener: str = ""  # the address of the site's listener that it came in at
    welcome: Welcome | None = None  # None: the site has no rules about connections, or has not been asked yet
    over_pipe: bool = False  # SMTP on standard input: rules about senders are asked, those about networks are not

    @property
    def wire_protocol(self) -> str:
        """The word of RFC 3848 for the Received field; "" where no wire was used."""
        return "" if self.protocol in {OWN_REPORTS, SENT_AGAIN} else self.protocol
