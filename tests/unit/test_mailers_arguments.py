"""What a mailer's program is called with, the From_ line, who goes together, and what exits mean."""

import os

import pytest

from posthouse.mail.envelope import MailerUser
from posthouse.mailers.arguments import fill_arguments, from_line, speaks_smtp
from posthouse.mailers.batches import Addressee, loads_of
from posthouse.mailers.exits import ending_of_exit, reason_in_words, transcript_line
from posthouse.rewriting.symbols import MACRO
from posthouse.site.cf.declared import MailerDeclaration

ARGUMENTS = ("prog", f"from={MACRO}g", f"({MACRO}u)", f"home={MACRO}z", "end")


def mailer(flags: str = "", argv: tuple[str, ...] = ARGUMENTS, most: int = 100) -> MailerDeclaration:
    return MailerDeclaration("multi", 3, "/bin/prog", argv, flags, recipients_per_envelope=most)


def test_the_word_with_the_user_comes_once_for_each_recipient():
    own = [{"u": "a", "z": "/home/a"}, {"u": "b", "z": "/home/b"}]

    assert fill_arguments(mailer(), {"g": "me"}, own, sender="me") == [
        "prog", "from=me", "(a)", "(b)", "home=/home/b", "end",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "option"), [("f", ["-f", "me"]), ("r", ["-r", "me"]), ("fr", ["-f", "me"]), ("", [])]
)
def test_the_sender_is_passed_on_behind_the_programs_name(flags, option):
    assert fill_arguments(mailer(flags), {"g": "me"}, [{"u": "a"}], sender="me")[1:3] == (option or ["from=me", "(a)"])


def test_a_value_stays_one_argument_and_an_empty_one_an_argument():
    assert fill_arguments(mailer(), {}, [{"u": "a b; rm"}], sender="") == ["prog", "from=", "(a b; rm)", "home=", "end"]


def test_without_the_user_among_the_arguments_smtp_is_spoken():
    assert speaks_smtp(mailer(argv=("smtp", f"{MACRO}h")))
    assert not speaks_smtp(mailer())


@pytest.mark.parametrize(
    ("flags", "sender", "line"),
    [
        ("", "bob@mx1", "From bob@mx1 now"),
        ("n", "bob@mx1", None),
        ("U", "bob@mx1", "From bob@mx1 now"),
        ("U", "mx1!x!bob", "From x!bob  now remote from mx1"),
        ("U", "bob", "From bob now"),
    ],
)
def test_the_from_line_is_as_the_flags_say(flags, sender, line):
    assert from_line(mailer(flags), "", {"g": sender, "d": "now", "k": "here"}) == line


def addressees(*hosts: str) -> list[Addressee]:
    return [Addressee(n, "multi", host, MailerUser(f"u{n}", f"u{n}@{host}")) for n, host in enumerate(hosts)]


@pytest.mark.parametrize(
    ("flags", "most", "expected"),
    [("m", 100, [[0, 2, 3], [1]]), ("m", 2, [[0, 2], [1], [3]]), ("", 100, [[0], [1], [2], [3]])],
)
def test_recipients_of_one_host_go_together_as_far_as_the_mailer_takes_them(flags, most, expected):
    loads = loads_of(addressees("a", "b", "a", "a"), {"multi": mailer(flags, most=most)})

    assert [[one.number for one in load.addressees] for load in loads] == expected


def test_programs_of_different_owners_run_apart():
    whose = [("ann", 1), ("ann", 1), ("bob", 2)]
    some = [Addressee(n, "multi", "", MailerUser("x", "x", "", *who)) for n, who in enumerate(whose)]

    loads = list(loads_of(some, {"multi": mailer("mo")}))

    assert [len(load.addressees) for load in loads] == [2, 1]


@pytest.mark.parametrize("status", [*range(os.EX_USAGE, os.EX_CONFIG + 1), 1, 99])
def test_only_three_exits_are_tried_again(status):
    ending = ending_of_exit(status)

    assert ending.is_temporary == (status in (os.EX_OSERR, os.EX_IOERR, os.EX_TEMPFAIL))
    assert not ending.is_success


def test_an_unknown_exit_is_told_by_its_number_and_is_service_unavailable():
    ending = ending_of_exit(1)

    assert (ending.exit_status, ending.reply) == (os.EX_UNAVAILABLE, "554 5.3.0 unknown mailer error 1")


def test_replies_about_recipients_name_them():
    assert transcript_line("550 5.1.1 User unknown", "bob") == "550 5.1.1 bob... User unknown"
    assert transcript_line("554 5.3.0 Internal error", "bob") == "554 5.3.0 Internal error"
    assert reason_in_words("67") == "User unknown"
    assert reason_in_words("550 no") == "550 no"
