"""The parameters of MAIL and RCPT: read from the wire, written to it."""

import pytest

from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Notify, Return
from posthouse.mail.errors import MalformedError
from posthouse.mail.xtext import decode_xtext, encode_xtext
from posthouse.smtp.commands import RefusedCommandError, read_mail, read_rcpt
from posthouse.smtp.parameters import (
    MailParameters,
    RcptParameters,
    format_mail,
    format_rcpt,
)

PATH = Path(Address("a", "b.example"))

MAIL = [
    pytest.param("", MailParameters(), id="none"),
    pytest.param(" SIZE=0", MailParameters(size=0), id="size 0"),
    pytest.param(" SIZE=12345678901234567890", MailParameters(size=12345678901234567890), id="size of 20 digits"),
    pytest.param(" BODY=8BITMIME", MailParameters(body=Body.EIGHT_BIT_MIME), id="8BITMIME"),
    pytest.param(" SMTPUTF8", MailParameters(smtputf8=True), id="SMTPUTF8"),
    pytest.param(" RET=HDRS ENVID=a+20b", MailParameters(ret=Return.HEADERS, envid="a+20b"), id="DSN"),
    pytest.param(" RET=FULL", MailParameters(ret=Return.FULL), id="RET=FULL"),
    pytest.param(" ENVID=" + "x" * 100, MailParameters(envid="x" * 100), id="ENVID of 100"),
]
RCPT = [
    pytest.param("", RcptParameters(), id="none"),
    pytest.param(" NOTIFY=NEVER", RcptParameters(Notify.NEVER), id="never"),
    pytest.param(" NOTIFY=SUCCESS,FAILURE,DELAY", RcptParameters(~Notify.NEVER), id="all"),
    pytest.param(" NOTIFY=DELAY", RcptParameters(Notify.DELAY), id="one"),
    pytest.param(" ORCPT=rfc822;a+2Bb@c.example", RcptParameters(None, "rfc822;a+2Bb@c.example"), id="ORCPT"),
    pytest.param(" ORCPT=rfc822;" + "x" * 493, RcptParameters(None, "rfc822;" + "x" * 493), id="ORCPT of 500"),
]


@pytest.mark.parametrize(("text", "expected"), MAIL)
def test_mail_parameters_are_read_and_written(text, expected):
    assert read_mail(b"FROM:<a@b.example>" + text.encode()) == (PATH, expected)
    assert format_mail(PATH, expected) == b"MAIL FROM:<a@b.example>" + text.encode() + b"\r\n"


@pytest.mark.parametrize(("text", "expected"), RCPT)
def test_rcpt_parameters_are_read_and_written(text, expected):
    assert read_rcpt(b"TO:<a@b.example>" + text.encode(), smtputf8=False) == (PATH, expected)
    assert format_rcpt(Address("a", "b.example"), expected) == b"RCPT TO:<a@b.example>" + text.encode() + b"\r\n"


def test_keywords_and_words_have_no_case_and_spaces_may_be_many():
    path, parameters = read_mail(b"from: <>  body=8bitmime   ret=full size=7")

    assert path == NULL_PATH
    assert parameters == MailParameters(7, Body.EIGHT_BIT_MIME, ret=Return.FULL)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" SIZE", 501),
        (" SIZE=", 501),
        (" SIZE=1_0", 501),
        (" SIZE=+5", 501),
        (" SIZE=-5", 501),
        (" SIZE=123456789012345678901", 501),
        (" SIZE=1 size=1", 501),
        (" BODY", 501),
        (" BODY=BINARYMIME", 501),
        (" SMTPUTF8=1", 501),
        (" RET", 501),
        (" ENVID=", 501),
        (" ENVID=a+0a", 501),
        (" ENVID=a+0Ab", 501),
        (" ENVID=" + "x" * 101, 501),
        (" =x", 501),
        (" -A=x", 501),
        (" A=x=y", 501),
        ("SIZE=1", 501),
        (" AUTH=<>", 555),
        (" NOTIFY=NEVER", 555),
        (" X", 555),
    ],
)
def test_a_bad_mail_parameter_is_refused(text, code):
    with pytest.raises(RefusedCommandError) as refused:
        read_mail(b"FROM:<a@b.example>" + text.encode())

    assert (refused.value.reply.code, str(refused.value.reply.status)) == (code, "5.5.4")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" NOTIFY", 501),
        (" NOTIFY=", 501),
        (" NOTIFY=SUCCESS,", 501),
        (" NOTIFY=NEVER,DELAY", 501),
        (" NOTIFY=ALWAYS", 501),
        (" ORCPT=rfc822", 501),
        (" ORCPT=rfc822;", 501),
        (" ORCPT=;a", 501),
        (" ORCPT=rfc822;a+0D", 501),
        (" ORCPT=rfc822;" + "x" * 494, 501),
        (" NOTIFY=DELAY NOTIFY=DELAY", 501),
        (" SIZE=1", 555),
        (" RET=FULL", 555),
    ],
)
def test_a_bad_rcpt_parameter_is_refused(text, code):
    with pytest.raises(RefusedCommandError) as refused:
        read_rcpt(b"TO:<a@b.example>" + text.encode(), smtputf8=True)

    assert (refused.value.reply.code, str(refused.value.reply.status)) == (code, "5.5.4")


def test_utf8_in_orcpt_needs_smtputf8():
    argument = "TO:<a@b.example> ORCPT=utf-8;ä@b.example".encode()

    assert read_rcpt(argument, smtputf8=True)[1].orcpt == "utf-8;ä@b.example"
    with pytest.raises(RefusedCommandError, match=r"553 5\.6\.7"):
        read_rcpt(argument, smtputf8=False)


def test_a_source_route_is_not_passed_on():
    assert format_mail(Path(Address("a", "b.example"), ("c.example",)), MailParameters()) == (
        b"MAIL FROM:<a@b.example>\r\n"
    )


@pytest.mark.parametrize("text", ["", "a", "a+b=c", "a b\tc".replace("\t", " "), "dörte@b.example"])
def test_xtext_keeps_a_text(text):
    assert decode_xtext(encode_xtext(text)).decode() == text


@pytest.mark.parametrize("xtext", ["a b", "a=b", "+", "+4", "+4g", "+0a", "ä", "a\n"])
def test_bad_xtext_is_refused(xtext):
    with pytest.raises(MalformedError):
        decode_xtext(xtext)


@pytest.mark.parametrize("hidden", ["+00", "+0A", "+0D+0A", "+7F"])
@pytest.mark.parametrize("parameter", ["ENVID=a", "RET=HDRS ENVID=a"])
def test_xtext_hides_no_control_character(parameter, hidden):
    with pytest.raises(RefusedCommandError, match=r"501 .* hides a control character"):
        read_mail(f"FROM:<a@b.example> {parameter}{hidden}".encode())


@pytest.mark.parametrize("control", ["\u0080", "\u0085", "\u009f", "\u2028", "\u2029"])
def test_a_parameter_hides_no_line_end_of_another_alphabet(control):
    with pytest.raises(RefusedCommandError, match="501"):
        read_rcpt(f"TO:<a@b.example> ORCPT=utf-8;a{control}b".encode(), smtputf8=True)
