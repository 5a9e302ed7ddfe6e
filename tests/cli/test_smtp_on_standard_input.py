"""``sendmail -bs`` at a site that has a sendmail.cf: the replies that programs know, and mail that is kept."""

import subprocess
from pathlib import Path

import pytest

from support.cf_site import BIN, HEAD, SLOW

CF = (
    HEAD
    + """\
O PrivacyOptions=needmailhelo,noverb
O MaxMessageSize=100000
O DeliveryMode=queue
Scanonify=3
R$* < $* > $*\t$2
R$+ @ $+\t$: $1 < @ $2 >
Sparse=0
Rwrong < @ $* >\t$@ nothing
R$+ < @ $=w >\t$#local $: $1
R$+ < @ $+ >\t$#relay $@ $2 $: $1 < @ $2 >
R$+\t\t\t$#local $: $1
Sfinal=4
R$* < @ $* >\t$1 @ $2
Mlocal, P=/bin/true, F=ls, A=true $u
Mrelay, P=[IPC], F=m, A=TCP $h
Mprog, P=/bin/sh, F=l, A=sh -c $u
"""
)


@pytest.fixture
def cf(tmp_path: Path) -> Path:
    (tmp_path / "queue").mkdir()
    path = tmp_path / "mx.cf"
    path.write_text(CF.format(queue=tmp_path / "queue"))
    return path


def talk(cf: Path, *lines: str) -> tuple[int, list[str]]:
    """Return the exit code and the replies to everything that is said at once."""
    done = subprocess.run(
        [BIN / "sendmail", "-bs", "-C", cf],
        input="".join(f"{line}\r\n" for line in lines).encode(),
        capture_output=True,
        check=False,
        timeout=SLOW,
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode().split("\r\n")[:-1]


def test_a_message_is_taken_in_sendmails_words_and_queued(cf: Path) -> None:
    code, replies = talk(
        cf,
        "MAIL FROM:<ann@example.net>",
        "HELO there.example",
        "MAIL FROM:<ann@example.net> SIZE=10",
        "RCPT TO: someone@example.net NOTIFY=NEVER",
        "RCPT TO:<open",
        "DATA",
        "Subject: x",
        "",
        "..dot",
        ".",
        "QUIT",
    )

    assert code == 0
    assert replies[0].startswith("220 mx1.example.org ESMTP Sendmail 8.17.1.9 ready at ")
    assert replies[1] == "503 5.0.0 Polite people say HELO first"
    assert replies[2].startswith("250 mx1.example.org Hello ")
    assert replies[3:7] == [
        "250 2.1.0 <ann@example.net>... Sender ok",
        "250 2.1.5 someone@example.net... Recipient ok",
        "553 5.0.0 <open... Unbalanced '<'",
        "354 End data with <CR><LF>.<CR><LF>",
    ]
    assert replies[-2].endswith(" Message accepted for delivery")
    assert replies[-1] == "221 2.0.0 mx1.example.org closing connection"
    shown = subprocess.run([BIN / "mailq", "-C", cf], capture_output=True, timeout=SLOW, check=True).stdout.decode()
    assert "someone@example.net" in shown
    assert replies[-2].split()[2] in shown


def test_a_rule_set_that_makes_nothing_of_an_address_is_told_by_the_exit_code(cf: Path) -> None:
    code, replies = talk(cf, "HELO there.example", "MAIL FROM:<ann@example.net>", "RCPT TO:<wrong@example.net>", "QUIT")

    assert (code, replies[3]) == (70, "554 5.3.5 buildaddr: no mailer in parsed address")


def test_extensions_are_those_that_the_privacy_options_leave(cf: Path) -> None:
    _, replies = talk(cf, "EHLO there.example", "VERB", "HELP", "EXPN", "MAIL FROM <x>", "STARTTLS", "QUIT")

    assert "250-SIZE 100000" in replies
    assert "250-VERB" not in replies
    assert replies[-6:] == [
        "502 5.7.0 Verbose unavailable",
        "502 5.3.0 Sendmail 8.17.1.9 -- HELP not implemented",
        "501 5.5.2 Argument required",
        '501 5.5.2 Syntax error in parameters scanning "FROM"',
        "454 4.3.3 TLS not available after start",
        "221 2.0.0 mx1.example.org closing connection",
    ]


_ALLOWED = {
    "MAIL FROM:<ann@example.net> RET=HDRS": "250 2.1.0 <ann@example.net>... Sender ok",
    "VRFY joe@example.net": "252 2.1.5 <joe@example.net>",
    "EXPN joe@example.net": "250 2.1.5 <joe@example.net>",
    "VERB": "250 2.0.0 Verbose mode",
    "ETRN example.net": "250 2.0.0 Queuing for node example.net started",
}
_INTRODUCE = "503 5.0.0 I demand that you introduce yourself first"
_POLITE = "503 5.0.0 Polite people say HELO first"
_FORBIDDEN = "502 5.7.0 Sorry, we do not allow this operation"
_NO_VERB = "502 5.7.0 Verbose unavailable"
_NO_VRFY = "252 2.5.2 Cannot VRFY user; try RCPT to attempt delivery (or try finger)"
_NO_RET = "504 5.7.0 Sorry, RET not supported, we do not allow DSN"


@pytest.mark.parametrize(
    ("word", "before_hello", "after_hello"),
    [
        pytest.param("public", {}, {}, id="public: nothing is kept back"),
        pytest.param("needmailhelo", {"MAIL": _POLITE}, {}, id="needmailhelo"),
        pytest.param("needvrfyhelo", {"VRFY": _INTRODUCE}, {}, id="needvrfyhelo"),
        pytest.param("needexpnhelo", {"EXPN": _INTRODUCE}, {}, id="needexpnhelo"),
        pytest.param("novrfy", {"VRFY": _NO_VRFY}, {"VRFY": _NO_VRFY}, id="novrfy"),
        pytest.param(
            "noexpn",
            {"EXPN": _FORBIDDEN, "VERB": _NO_VERB},
            {"EXPN": _FORBIDDEN, "VERB": _NO_VERB},
            id="noexpn forbids VERB, too",
        ),
        pytest.param("noverb", {"VERB": _NO_VERB}, {"VERB": _NO_VERB}, id="noverb"),
        pytest.param("noetrn", {"ETRN": _FORBIDDEN}, {"ETRN": _FORBIDDEN}, id="noetrn"),
        pytest.param("noreceipts", {"MAIL": _NO_RET}, {"MAIL": _NO_RET}, id="noreceipts: no DSN"),
        pytest.param(
            "goaway",
            {"MAIL": _POLITE, "VRFY": _NO_VRFY, "EXPN": _FORBIDDEN, "VERB": _NO_VERB},
            {"VRFY": _NO_VRFY, "EXPN": _FORBIDDEN, "VERB": _NO_VERB},
            id="goaway: all but ETRN and DSN",
        ),
    ],
)
def test_privacy_options_keep_back_what_they_name(
    cf: Path, word: str, before_hello: dict[str, str], after_hello: dict[str, str]
) -> None:
    cf.write_text(cf.read_text().replace("needmailhelo,noverb", word))

    _, replies = talk(cf, *_ALLOWED, "RSET", "HELO there.example", *_ALLOWED, "QUIT")

    def expected(changed: dict[str, str]) -> list[str]:
        return [changed.get(command.split()[0], reply) for command, reply in _ALLOWED.items()]

    assert replies[1:6] == expected(before_hello)
    assert replies[8:13] == expected(after_hello)


def test_authentication_is_offered_by_nobody_who_could_check_it(cf: Path) -> None:
    _, replies = talk(cf, "AUTH", "AUTH PLAIN AGEAYg==", "ETRN", "ETRN #group", "QUIT")

    assert replies[1:5] == [
        "501 5.5.2 AUTH mechanism must be specified",
        "504 5.3.3 AUTH mechanism PLAIN not available",
        "500 5.5.2 Parameter required",
        "459 4.5.4 Queue group unknown",
    ]
