"""Names the mailbox of a recipient.  The rule kept: no address leads out of its directory.

Each placeholder of the template stays inside one component of the path,
whatever the address says.
"""

from pathlib import Path

from posthouse.mail.address import Address
from posthouse.mail.errors import MalformedError

_MOST_NAME_OCTETS = 200  # a file name may have 255; a lock file's name adds to it


def mailbox_path(template: str, address: Address) -> Path:
    """Fill ``{user}`` and ``{domain}`` in.  Raises MalformedError for an address that cannot name a file."""
    # Split before anything is filled in: a user called "{domain}" is not replaced again.
    pieces = template.split("{user}")
    user = _component(address.local_part)
    if "{domain}" in template:
        domain = _component(address.domain.lower())
        pieces = [piece.replace("{domain}", domain) for piece in pieces]
    return Path(user.join(pieces))


def _component(name: str) -> str:
    # A leading dot would also reach .ssh and .forward where a template ends in {user}.
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise MalformedError(f"{name!r} cannot name a mailbox")
    if len(name.encode("utf-8", "surrogateescape")) > _MOST_NAME_OCTETS:
        raise MalformedError("the name is too long for a mailbox")
    return name
