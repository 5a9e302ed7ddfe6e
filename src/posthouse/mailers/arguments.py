"""The argument vector of a mailer's program, and the From_ line: macros expanded for one delivery."""

from collections.abc import Mapping, Sequence
from typing import Final

from posthouse.rewriting.macros import expand
from posthouse.rewriting.symbols import MACRO
from posthouse.site.cf.declared import MailerDeclaration

_USER: Final = f"{MACRO}u"
USUAL_FROM_LINE: Final = f"From {MACRO}g {MACRO}d"
MOST_ARGUMENTS: Final = 100  # words of A= with those of the recipients


def speaks_smtp(mailer: MailerDeclaration) -> bool:
    """Does A= leave the recipients to a dialogue?  Then the program is spoken to in SMTP, or with F=z in LMTP."""
    return not any(_USER in word for word in mailer.argv[1:])


def takes_several(mailer: MailerDeclaration) -> bool:
    """May one delivery have more than one recipient?"""
    return mailer.has("m")


def fill_arguments(
    mailer: MailerDeclaration, macros: Mapping[str, str], recipients: Sequence[Mapping[str, str]], *, sender: str
) -> list[str]:
    """Return the words of A=, as octet text.  ``recipients`` give the macros that each one has of its own.

    The word with ``$u`` comes once for each recipient; what follows it sees the macros of the last.
    ``sender`` is what F=f and F=r pass on; "" passes nothing.
    """
    words = [expand(mailer.argv[0], macros)] if mailer.argv else []
    option = "-f" if mailer.has("f") else "-r" if mailer.has("r") else ""
    if option and sender:
        words += [option, sender]
    now: Mapping[str, str] = macros
    for word in mailer.argv[1:]:
        if _USER not in word:
            words.append(expand(word, now))
            continue
        for own in recipients if now is macros else recipients[-1:]:
            now = {**macros, **own}
            words.append(expand(word, now))
    return words


def from_line(mailer: MailerDeclaration, template: str, macros: Mapping[str, str]) -> str | None:
    """Return the line before the header, without its end; None with F=n.

    F=U: the form of UUCP's rmail, where the sender is ``host!user`` for this mailer.
    """
    if mailer.has("n"):
        return None
    host, bang, user = expand(f"{MACRO}g", macros).partition("!")
    if mailer.has("U") and bang:
        return expand(f"From {user}  {MACRO}d remote from {host}", macros)
    return expand(template or USUAL_FROM_LINE, macros)
