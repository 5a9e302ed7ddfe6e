"""Bodies in seven bits for who takes no more, and in eight for who wants them; held to what sendmail 8.17 writes."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mailers.conversion import Conversion, SevenBitPlan
from posthouse.mailers.mime_entity import entity_of
from posthouse.mailers.to_eight_bits import EightBitBody
from posthouse.mailers.to_seven_bits import MOST_HEADER, Handling

NOTE = "by mx1.example.org id 1AAAA"
HANDLING = Handling(note=NOTE)
SEVEN = Conversion(seven=True, handling=HANDLING)
WORDS = b"plain words are here in many numbers "


def converted(body, fields, conversion=SEVEN, *, pieces=1000, takes_eight_bits=True):
    converter, lines = conversion.begin(tuple(fields), is_ascii=body.isascii(), takes_eight_bits=takes_eight_bits)
    if converter is None:
        return lines, None
    chunks = [body[at : at + pieces] for at in range(0, len(body), pieces)]
    if isinstance(converter, SevenBitPlan):
        survey = converter.survey()
        for chunk in chunks:
            survey.feed(chunk)
        survey.finish()
        converter = converter.conversion(survey)
    return lines, b"".join([*map(converter.feed, chunks), converter.finish()])


def mime(kind="text/plain; charset=latin1", encoding="8bit"):
    return ["Subject: x", "MIME-Version: 1.0", f"Content-Type: {kind}", f"Content-Transfer-Encoding: {encoding}"]


def test_text_with_few_octets_of_eight_bits_is_quoted():
    lines, body = converted(WORDS + b"caf\xe9 \nFrom x\n.\n..dot\ntab\t\nctl\x01\x7f end\n\nlast\n", mime())

    assert lines == ("Subject: x", "MIME-Version: 1.0", "Content-Type: text/plain; charset=latin1")
    assert body.decode().split("\n") == [
        "Content-Transfer-Encoding: quoted-printable",
        f"X-MIME-Autoconverted: from 8bit to quoted-printable {NOTE}",
        "",
        "plain words are here in many numbers caf=E9=20",
        "From x",
        "=2E",
        "..dot",
        "tab=09",
        "ctl=01=7F end",
        "",
        "last",
        "",
    ]


def test_text_with_many_octets_of_eight_bits_or_binary_becomes_base64():
    _, body = converted(b"caf\xc3\xa9 = x\nend \n", mime())
    _, binary = converted(WORDS * 3 + b"caf\xe9\n", mime(encoding="binary"))

    assert body == (
        b"Content-Transfer-Encoding: base64\n"
        b"X-MIME-Autoconverted: from 8bit to base64 " + NOTE.encode() + b"\n\nY2Fmw6kgPSB4DQplbmQgDQo=\n"
    )
    assert binary.startswith(b"Content-Transfer-Encoding: base64\n")


def test_quoted_lines_are_broken_after_72_characters():
    _, body = converted(WORDS * 3 + b"\n" + b"a" * 70 + b" \xe9" + b"b" * 80 + b"=c\n", mime())

    assert body.split(b"\n\n")[1].split(b"\n")[2:] == [
        b"a" * 70 + b" =E9=",
        b"b" * 73 + b"=",
        b"b" * 7 + b"=3Dc",
        b"",
    ]


MULTIPART = (
    b"pre\xe9amble\n--bb\nContent-Type: text/plain; charset=latin1\nContent-Transfer-Encoding: 8bit\n"
    b"Content-Description: d\n\n" + WORDS + b"caf\xe9\n--bb\n\nnothing here\n--bb\nContent-Type: application/x\n"
    b"Content-Transfer-Encoding: base64\n\nAAAA\n--bb\nContent-Type: message/rfc822\n\nSubject: inner\n"
    b"Content-Transfer-Encoding: 8bit\n\n" + WORDS + b"caf\xe9\n--bb--\nepi\xe9\n"
)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_each_part_is_converted_by_itself(pieces):
    lines, body = converted(MULTIPART, mime('multipart/mixed; boundary="bb"'), pieces=pieces)

    quoted = (
        (
            "Content-Transfer-Encoding: quoted-printable\n"
            f"X-MIME-Autoconverted: from 8bit to quoted-printable {NOTE}\n\n"
        ).encode()
        + WORDS
        + b"caf=E9\n"
    )
    assert lines[-1] == 'Content-Type: multipart/mixed; boundary="bb"'
    assert body == (
        b"\npreiamble\n--bb\nContent-Type: text/plain; charset=latin1\nContent-Description: d\n" + quoted + b"--bb\n\n"
        b"nothing here\n--bb\nContent-Type: application/x\nContent-Transfer-Encoding: base64\n\nAAAA\n--bb\n"
        b"Content-Type: message/rfc822\n\nSubject: inner\nMIME-Version: 1.0\n" + quoted + b"--bb--\nepii\n"
    )


def test_what_is_signed_and_what_is_no_mime_is_left_alone():
    assert converted(MULTIPART, mime('multipart/signed; boundary="bb"'))[1] is None
    assert converted(b"caf\xe9\n", ["Subject: x"])[1] is None
    assert converted(b"cafe\n", mime())[1] is None


def test_a_peer_that_takes_eight_bits_gets_them():
    over_smtp = Conversion(is_smtp=True, handling=HANDLING)

    assert converted(b"caf\xe9\n", mime(), over_smtp)[1] is None
    assert converted(b"caf\xe9\n", mime(), over_smtp, takes_eight_bits=False)[1] is not None
    assert converted(b"caf\xe9\n", mime(), Conversion(is_smtp=True, eight=True), takes_eight_bits=False)[1] is None
    assert not over_smtp.may_be_needed(takes_eight_bits=True)


def test_mimefy_tells_what_a_text_of_eight_bits_is():
    lines, body = converted(b"caf\xe9\n", ["Subject: x"], Conversion(labels=True))
    seven, _ = converted(b"caf\xe9\n", ["Subject: x"], Conversion(labels=True, seven=True, charset="latin1"))

    assert body is None
    assert lines[1:] == (
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=unknown-8bit",
        "Content-Transfer-Encoding: 8bit",
    )
    assert seven[1:] == ("MIME-Version: 1.0", "Content-Type: text/plain; charset=latin1")


RESTORES = Conversion(restores=True, handling=HANDLING)


def test_quoted_text_is_restored_for_mailers_with_f_9():
    lines, body = converted(
        b"caf=C3=A9 =3D x\nso=\nft\na=XYb=\n=20\nend\n", mime(encoding="Quoted-Printable"), RESTORES
    )

    assert lines == ("Subject: x", "MIME-Version: 1.0", "Content-Type: text/plain; charset=latin1")
    assert body == (
        b"Content-Transfer-Encoding: 8bit\nX-MIME-Autoconverted: from Quoted-Printable to 8bit "
        + NOTE.encode()
        + b"\n\ncaf\xc3\xa9 = x\nsoft\na \nend\n\n"  # what follows a mistake is lost, and a line is added
    )


@pytest.mark.parametrize("pieces", [1, 5, 1000])
def test_base64_text_is_restored_for_mailers_with_f_9(pieces):
    text = "caf\u00e9 x\r\n.\r\nFrom me\r\nlast".encode()

    _, body = converted(base64.encodebytes(text), mime(encoding="base64"), RESTORES, pieces=pieces)

    assert body.partition(b"\n\n")[2] == "caf\u00e9 x\n.\nFrom me\nlast\n\n".encode()


@pytest.mark.parametrize(
    ("kind", "encoding"), [("text/html", "base64"), ("text/plain", "x-uuencode"), ("text/plain", "7bit")]
)
def test_only_plain_text_is_restored(kind, encoding):
    assert converted(b"AAAA\n", mime(kind, encoding), RESTORES)[1] is None


TEXTS = st.lists(st.binary(max_size=90).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"")), max_size=12)


@given(TEXTS, st.integers(1, 50))
def test_what_was_converted_says_the_same_as_before(lines, pieces):
    text = b"".join(line + b"\n" for line in lines) + b"\xe9\n"

    _, body = converted(text, mime(), pieces=pieces)

    fields, _, encoded = body.partition(b"\n\n")
    assert encoded.isascii()
    if b"base64" in fields:
        assert base64.b64decode(encoded) == text.replace(b"\n", b"\r\n")
    else:
        assert quopri.decodestring(encoded) == text
        assert max(map(len, encoded.split(b"\n"))) <= 76


@given(st.binary(max_size=300), st.sampled_from(["text/plain", "multipart/mixed; boundary=b", "message/rfc822"]))
def test_any_body_is_converted_alike_in_any_pieces(body, kind):
    body += b"\xe9\n--b\n\n\xe9\n--b--\n"

    assert converted(body, mime(kind)) == converted(body, mime(kind), pieces=3)


@pytest.mark.parametrize(("octets", "is_read"), [(MOST_HEADER - 10, True), (MOST_HEADER + 10, False)])
@pytest.mark.parametrize("character", [b"y", b"y\n", b" \n"], ids=["one field", "short lines", "continuation lines"])
def test_the_header_of_a_part_is_read_up_to_a_size(octets, is_read, character):
    body = b"--b\nX: " + character * octets + b"\n\n" + WORDS + b"\xe9\n--b--\n"

    _, written = converted(body, mime("multipart/mixed; boundary=b"))

    assert (b"=E9" in written) is is_read


def test_parts_are_followed_to_a_depth():
    deep = b"".join(b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (n, n + 1) for n in range(40))

    _, written = converted(deep + b"\xe9\n", mime("multipart/mixed; boundary=b0"))

    assert written.count(b"\n--b") == 40
    assert written.endswith(b"\n\xe9\n")  # nothing was converted there


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable"]), st.integers(1, 40))
def test_any_octets_are_restored_alike_in_any_pieces(body, encoding, pieces):
    entity = entity_of(mime(encoding=encoding))
    whole, parts = EightBitBody(entity, ""), EightBitBody(entity, "")

    written = b"".join(parts.feed(body[at : at + pieces]) for at in range(0, len(body), pieces)) + parts.finish()

    assert whole.feed(body) + whole.finish() == written
