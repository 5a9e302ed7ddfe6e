"""A message of our own making that is no report of a delivery: to whom, what about, what it says."""

from msgspec import Struct


class Notice(Struct, frozen=True):
    """What the resolution of an address wants sent.  Addresses are as people write them."""

    to: tuple[str, ...]
    subject: str
    text: str
    sender: str = ""  # what From says; "" is the mail system
