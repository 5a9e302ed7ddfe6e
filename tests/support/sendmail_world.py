"""A small sendmail.cf and a world that answers its questions from what a test says."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from posthouse.mail.account import Account
from posthouse.mail.address_file import AddressFile
from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.routing.sendmail.compiled import SendmailRouting, compile_sendmail
from posthouse.routing.sendmail.questions import (
    AliasQuestion,
    ForwardQuestion,
    FullNameQuestion,
    IncludeQuestion,
    LoginQuestion,
    LoginsUnavailable,
    NumberQuestion,
    ShellQuestion,
)
from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.reader import read_cf

CF = """V10/Berkeley
Cwhome.example
Djmx.home.example
O OperatorChars=.:%@!^/[]+
O ForwardPath=$z/.forward
Mlocal, P=/bin/cat, F=lsAw5:/|@qn, A=cat $u
Mprog, P=/bin/sh, F=lseu, A=sh -c $u
M*file*, P=[FILE], F=lsu, A=FILE $u
M*include*, P=/dev/null, F=su, A=INCLUDE $u
Mfar, P=[IPC], F=mu, A=TCP $h
Mcostly, P=[IPC], F=mue, A=TCP $h
S3
R$* < $+ > $*	$2
R$+ @ $+	$: $1 < @ $2 >
S0
R$* < @ $=w >	$: $1
R$+ < @ bad.example >	$#error $@ 5.1.2 $: "550 No such host"
R$+ < @ slow.example >	$#error $@ 4.1.2 $: "451 Not today"
R$+ < @ costly.example >	$#costly $@ costly.example $: $1 < @ costly.example >
R$+ < @ $+ >	$#far $@ $2 $: $1 < @ $2 >
R$+ + $*	$#local $@ $2 $: $1 + $2
R$+	$#local $: $1
S4
R$* < $+ >	$1 $2
S5
R$+ + $*	$#local $@ $2 $: $1
"""
PEOPLE = {
    "ann": Account("ann", 2001, 2001, "Ann Other", "/users/ann", "/bin/sh"),
    "bob": Account("bob", 2002, 2002, "Bob", "/users/bob", "/bin/sh"),
    "eve": Account("eve", 2003, 2003, "Eve", "/users/eve", "/bin/false"),
}


@dataclass
class World:
    """Answers every question from what a test says."""

    aliases: dict[str, str] = field(default_factory=dict)
    forwards: dict[str, AddressFile] = field(default_factory=dict)
    includes: dict[str, AddressFile] = field(default_factory=dict)
    people: dict[str, Account] = field(default_factory=lambda: dict(PEOPLE))
    trouble: str = ""
    asked: list[object] = field(default_factory=list)

    def answer(self, question: object) -> object:
        """Answer one question."""
        self.asked.append(question)
        match question:
            case AliasQuestion(name):
                value = self.aliases.get(name.lower())
                if value == "?":
                    return MapAnswer(MapStatus.TEMPORARY, reason="away")
                return MapAnswer(MapStatus.NOT_FOUND if value is None else MapStatus.FOUND, value)
            case LoginQuestion(login):
                return LoginsUnavailable(self.trouble) if self.trouble else self.people.get(login)
            case NumberQuestion(uid):
                return next((one for one in self.people.values() if one.uid == uid), None)
            case FullNameQuestion(name):
                return next((one for one in self.people.values() if one.full_name.lower() == name.lower()), None)
            case ShellQuestion(shell):
                return shell == "/bin/sh"
            case ForwardQuestion(paths, _):
                return next((self.forwards[path] for path in paths if path in self.forwards), None)
            case IncludeQuestion(path, _):
                return self.includes.get(path, AddressFile(path, error="No such file or directory"))
        raise AssertionError(question)

    def drive(self, steps):
        """Run an engine to its end, and return what it returns."""
        answer = None
        while True:
            try:
                question = steps.send(answer)
            except StopIteration as end:
                return end.value
            answer = self.answer(question)


def routing_from(extra: str = "") -> SendmailRouting:
    """Read the configuration, with more lines at its end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.cf"
        path.write_text(CF + extra)
        configuration = read_cf(path, Surroundings(Machine("mx.home.example")))
    assert not configuration.errors
    return compile_sendmail(configuration)
