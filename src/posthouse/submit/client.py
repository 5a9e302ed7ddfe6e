"""Who hands a message in, as far as submit needs to know."""

from msgspec import Struct


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
