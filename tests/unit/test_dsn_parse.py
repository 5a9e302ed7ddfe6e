"""Reading reports back, ours and others'."""

import pytest

from posthouse.dsn.parse import parse
from posthouse.dsn.report import Action
from posthouse.mail.errors import MalformedError

STATUS = b"Reporting-MTA: dns; x.example\r\n\r\nFinal-Recipient: RFC822; b@c\r\nAction: Failed\r\nStatus: 5.0.0\r\n"


def container(status: bytes, kind: bytes = b"message/delivery-status", rest: bytes = b"") -> bytes:
    return (
        b"From: x\r\nContent-Type: MULTIPART/report; report-type=delivery-status;\r\n\tboundary=AbC\r\n\r\n"
        b"preamble\r\n--AbC\r\n\r\nwords\r\n--AbC\r\nContent-Type: " + kind + b"\r\n\r\n" + status + b"\r\n" + rest
    )


def test_a_report_as_others_write_it():
    end = b"--AbC \r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nbody\r\n--AbC--\r\nepilogue"
    status = (
        b"Reporting-MTA: dns;x.example\r\nOriginal-Envelope-Id: e1\r\n\r\n\r\n"
        b"final-recipient: rfc822;b@c\r\nAction: failed (bounced)\r\nSTATUS: 5.1.1 (no such\r\n user)\r\n"
        b"Remote-MTA: dns; mx.c\r\nDiagnostic-Code: smtp;550\r\n\tunknown\r\n"
    )
    report = parse(container(status, rest=end))

    assert (report.envid, report.reporting_mta) == ("e1", "x.example")
    about = report.recipients[0]
    assert (about.final, about.action, str(about.status)) == ("b@c", Action.FAILED, "5.1.1")
    assert (about.remote, about.diagnostic, about.original) == ("mx.c", "550 unknown", "")
    assert report.returned == b"Subject: s\r\n\r\nbody"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"Content-Type: text/plain\r\n\r\nhello\r\n", id="not a report"),
        pytest.param(b"Content-Type: multipart/report\r\n\r\n", id="no boundary"),
        pytest.param(container(STATUS, b"text/plain"), id="no status part"),
        pytest.param(container(b"Reporting-MTA: dns; x\r\n"), id="no recipient"),
        pytest.param(container(STATUS.replace(b"Failed", b"lost")), id="unknown action"),
        pytest.param(container(STATUS.replace(b"5.0.0", b"9.0.0")), id="unknown status"),
        pytest.param(container(STATUS.replace(b"5.0.0", b"5.0.007")), id="leading zeros"),
        pytest.param(container(STATUS.replace(b"Final", b"Vinal")), id="no address"),
    ],
)
def test_what_is_not_a_report_is_malformed(text: bytes):
    with pytest.raises(MalformedError):
        parse(text)


def test_an_unfinished_report_is_read_as_far_as_it_goes():
    report = parse(container(STATUS))

    assert report.recipients[0].final == "b@c"
    assert report.returned == b""
