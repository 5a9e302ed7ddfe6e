"""Answer what routing by a sendmail.cf asks: maps, aliases, accounts and files of addresses."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct

from posthouse.mail.account import Account, LoginsError
from posthouse.mail.lookup import Answer, Asked, Decision, Lookup, MapAnswer, MapQuestion, MapStatus
from posthouse.routing.sendmail.questions import (
    AliasQuestion,
    ForwardQuestion,
    FullNameQuestion,
    IncludeQuestion,
    LoginQuestion,
    LoginsUnavailable,
    NumberQuestion,
    Question,
    ShellQuestion,
    Steps,
)

if TYPE_CHECKING:
    from posthouse.ports import AddressFiles, Logins, Map

T = TypeVar("T")
_MISSING = MapAnswer(MapStatus.NOT_FOUND)


class Maps(Protocol):
    """The maps of a configuration, by name."""

    def remembered(self, question: MapQuestion) -> MapAnswer | None:
        """Return an answer that is known without asking."""

    async def ask(self, question: MapQuestion) -> MapAnswer: ...

    async def close(self) -> None:
        """Let go of every connection."""


class ClientName(Struct, frozen=True):
    """The name of a client's address, "" for none.

    ``ruling``: OK when the name leads back to the address, FORGED when it leads elsewhere; FAIL without a name,
    TEMP when nobody can answer now.
    """

    name: str
    ruling: str


class ClientNames(Protocol):
    """Names of addresses, with the proof."""

    async def name_of(self, address: str) -> ClientName: ...


class World(Struct, frozen=True):
    """What a sendmail site asks: its maps, its alias files in order, the accounts, their files."""

    maps: Maps
    aliases: Sequence[Map]
    logins: Logins
    files: AddressFiles
    names: ClientNames

    async def answer_all(self, steps: Steps[T], trace: list[Decision | Asked] | None = None) -> T:
        """Drive a generator to its end; every question that a table answers is noted in ``trace``."""
        answer: object = None
        while True:
            try:
                question = steps.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = await self._answer(question)
            if trace is not None and isinstance(answer, MapAnswer):
                trace.append(_asked(question, answer))

    async def _answer(self, question: Question) -> object:
        match question:
            case MapQuestion():
                return self.maps.remembered(question) or await self.maps.ask(question)
            case AliasQuestion(name):
                return await self._alias(name)
            case ForwardQuestion(paths, user):
                return await self.files.forward(paths, user)
            case IncludeQuestion(path, reader):
                return await self.files.include(path, reader)
            case ShellQuestion(shell):
                return self.logins.shell_is_listed(shell)
        return self._account(question)

    async def _alias(self, name: str) -> MapAnswer:
        """Ask the alias files in turn; one that cannot answer keeps the next from being asked."""
        for one in self.aliases:
            answer = await one.lookup(name, ())
            if answer.status is not MapStatus.NOT_FOUND:
                return answer
        return _MISSING

    def _account(self, question: LoginQuestion | FullNameQuestion | NumberQuestion) -> object:
        try:
            match question:
                case LoginQuestion(login):
                    return self.logins.find(login)
                case NumberQuestion(uid):
                    return self.logins.by_uid(uid)
            return self._person(question.name)
        except LoginsError as error:
            return LoginsUnavailable(str(error))

    def _person(self, name: str) -> Account | None:
        wanted = name.lower()
        return next((one for one in self.logins.accounts() if one.full_name.lower() == wanted), None)


def _asked(question: Question, answer: MapAnswer) -> Asked:
    lookup = Lookup("aliases", question.name) if isinstance(question, AliasQuestion) else Lookup("", "")
    if isinstance(question, MapQuestion):
        lookup = Lookup(question.map, " ".join((question.key, *question.arguments)))
    values = () if answer.value is None else (answer.value,)
    is_unavailable = answer.status in (MapStatus.TEMPORARY, MapStatus.BROKEN)
    return Asked(lookup, Answer(values, answer.origin, answer.reason or "it cannot answer" if is_unavailable else ""))
