"""Who hands a message in, as far as submit needs to know."""

from typing import Final

from msgspec import Struct

OWN_REPORTS: Final = "report"  # the protocol of what this site sends by itself: no rule about strangers applies
SENT_AGAIN: Final = "list"  # the protocol of what a channel of this site hands in again


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
    over_pipe: bool = False  # SMTP on standard input: rules about senders are asked, those about networks are not

    @property
    def wire_protocol(self) -> str:
        """The word of RFC 3848 for the Received field; "" where no wire was used."""
        return "" if self.protocol in {OWN_REPORTS, SENT_AGAIN} else self.protocol
