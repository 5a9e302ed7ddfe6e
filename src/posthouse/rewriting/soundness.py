"""Octets that an address must not hold, and lengths that it must not have."""

import re
from typing import Final

from posthouse.rewriting.complaint import Complaint

LONGEST_ADDRESS: Final = 255  # octets
_META_OCTETS: Final = re.compile("[\x80-\x9f]")
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f\xff]")
_REPLACEMENT: Final = "?"


def octet_complaint(address: str, is_sender: bool = False) -> Complaint | None:
    """Return what is wrong with the octets or the length of an address; None when nothing is."""
    shown = _META_OCTETS.sub(_REPLACEMENT, address)
    if len(address) > LONGEST_ADDRESS:
        shown = shown[:LONGEST_ADDRESS]
        return Complaint(f'Address "{shown}" too long ({LONGEST_ADDRESS} bytes max)', "553", "5.1.0", shown)
    if shown != address:
        status = "5.1.7" if is_sender else "5.1.3"
        return Complaint(f'8-bit character in mailbox address "{shown}"', "501", status, shown)
    return None


def inspect_user(user: str, is_sender: bool = False) -> tuple[Complaint | None, str]:
    """Return what is wrong with a resolved user, if anything is, and the user as it may be shown.

    Wrong are controls outside quotes, open quotes, 8-bit controls, and too great a length.
    """
    if len(user) > LONGEST_ADDRESS:
        shown = user[:LONGEST_ADDRESS]
        return Complaint(f'Address "{shown}" too long ({LONGEST_ADDRESS} bytes max)', "553", "5.1.0"), shown
    wrong, shown = _inspect(user)
    if not wrong:
        return None, user
    status = "5.1.7" if is_sender else "5.1.3"
    return Complaint(f'Syntax error in mailbox address "{shown}" ({wrong})', "501", status), shown


def _inspect(user: str) -> tuple[str, str]:
    """Return the last thing that is wrong, and the user with what is wrong replaced."""
    shown: list[str] = []
    wrong = ""
    is_quoted = False
    characters = iter(user)
    for character in characters:
        if not is_quoted and _UNPRINTABLE.match(character):
            wrong = "non-printable character"
            shown.append(_REPLACEMENT)
            continue
        if character == '"':
            is_quoted = not is_quoted
        kept = character
        if character == "\\":
            kept = next(characters, "")
            if not kept:
                wrong = "trailing \\ character"
                shown.append(_REPLACEMENT)
                break
            shown.append(character)
        if _META_OCTETS.match(kept):
            wrong = "8-bit character"
            kept = _REPLACEMENT
        shown.append(kept)
    return "unbalanced quote" if is_quoted else wrong, "".join(shown)
