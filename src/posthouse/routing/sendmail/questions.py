"""What routing by a sendmail.cf asks of the world.  Text is octet text.

Each question is a type of its own, and what it is sent is written beside it; whoever drives the engine
dispatches on the type (submit/sendmail/driver.py).
"""

from collections.abc import Generator
from typing import Any, TypeVar

from msgspec import Struct

from posthouse.mail.account import Account
from posthouse.mail.address_file import AddressFile
from posthouse.mail.lookup import MapAnswer, MapQuestion


class AliasQuestion(Struct, frozen=True):
    """What does this name stand for?  Sent a MapAnswer: the first of the site's alias maps that knows it."""

    name: str


class LoginQuestion(Struct, frozen=True):
    """Whose login name is this?  Sent an Account, None when it is nobody's, or LoginsUnavailable."""

    login: str


class FullNameQuestion(Struct, frozen=True):
    """Which account belongs to the person of this name (the option MatchGECOS)?  Sent as for LoginQuestion."""

    name: str


class NumberQuestion(Struct, frozen=True):
    """Which account has this number?  Sent as for LoginQuestion."""

    uid: int


class ShellQuestion(Struct, frozen=True):
    """Is this shell in shells(5)?  Sent a bool."""

    shell: str


class ForwardQuestion(Struct, frozen=True):
    """What stands in the first of these files?  Sent an AddressFile, None when there is none."""

    paths: tuple[str, ...]
    user: Account


class IncludeQuestion(Struct, frozen=True):
    """What stands in this file?  Sent an AddressFile."""

    path: str
    reader: Account


class LoginsUnavailable(Struct, frozen=True):
    """Nobody can say now whether there is such an account."""

    reason: str


Question = (
    MapQuestion
    | AliasQuestion
    | LoginQuestion
    | FullNameQuestion
    | NumberQuestion
    | ShellQuestion
    | ForwardQuestion
    | IncludeQuestion
)
T = TypeVar("T")
Steps = Generator[Question, Any, T]  # Any: each question has an answer of its own, which the functions below know


def ask_alias(name: str) -> Steps[MapAnswer]:
    """Ask for an alias."""
    answer: MapAnswer = yield AliasQuestion(name)
    return answer


def ask_login(login: str) -> Steps[Account | LoginsUnavailable | None]:
    """Ask for an account by its login name."""
    answer: Account | LoginsUnavailable | None = yield LoginQuestion(login)
    return answer


def ask_full_name(name: str) -> Steps[Account | LoginsUnavailable | None]:
    """Ask for an account by the name of its person."""
    answer: Account | LoginsUnavailable | None = yield FullNameQuestion(name)
    return answer


def ask_number(uid: int) -> Steps[Account | LoginsUnavailable | None]:
    """Ask for an account by its number."""
    answer: Account | LoginsUnavailable | None = yield NumberQuestion(uid)
    return answer


def ask_shell(shell: str) -> Steps[bool]:
    """Ask whether a shell is listed."""
    answer: bool = yield ShellQuestion(shell)
    return answer


def ask_forward(paths: tuple[str, ...], user: Account) -> Steps[AddressFile | None]:
    """Ask for a user's ``.forward``."""
    answer: AddressFile | None = yield ForwardQuestion(paths, user)
    return answer


def ask_include(path: str, reader: Account) -> Steps[AddressFile]:
    """Ask for an ``:include:`` file."""
    answer: AddressFile = yield IncludeQuestion(path, reader)
    return answer
