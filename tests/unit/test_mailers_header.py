"""The header of a sendmail site: defaults, conditions, lists of addresses, and how it lies in the spool."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.mailers.fields import Field, split_fields
from posthouse.mailers.header import Binding, BoundHeader, NoRecipient, bind_header, quoted_name
from posthouse.mailers.rendering import Rendering, render_header
from posthouse.mailers.stored import Circumstances, StoredHeader, is_stored, read_stored, write_stored
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.drive import drive
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.program import RewritingProgram, Rule, RuleSet
from posthouse.rewriting.symbols import ARGUMENTS, ELSE, END_IF, IF, MACRO, ZERO_OR_MORE
from posthouse.site.cf.declared import HeaderDeclaration, MailerDeclaration

G = f"{MACRO}g"
X = f"{MACRO}x"
DATE = HeaderDeclaration("Date", f"{MACRO}a", "D")
RECEIVED = HeaderDeclaration("Received", f"by {MACRO}j")
FROM = HeaderDeclaration("From", f"{IF}x{X} <{G}>{ELSE}{G}{END_IF}", "F")
RETURN_PATH = HeaderDeclaration("Return-Path", f"<{G}>", "P")
RESENT_DATE = HeaderDeclaration("Resent-Date", f"{MACRO}a", "D")
FULL_NAME = HeaderDeclaration("Full-Name", X, "x")
DECLARED = (RETURN_PATH, RECEIVED, RESENT_DATE, DATE, FROM, FULL_NAME)
MACROS = {"a": "today", "j": "mx1", "g": "bob", "f": "bob", "x": "Bob Example"}
# Rule set 3 takes the address out of its angle brackets, as every configuration's does.
FOCUS = Rule(f"{ZERO_OR_MORE}<{ZERO_OR_MORE}>{ZERO_OR_MORE}", chr(ord(ARGUMENTS) + 2))
PROGRAM = CompiledProgram(RewritingProgram(rule_sets={3: RuleSet(3, "canonify", (FOCUS,))}))


def bound(text: str, **changes: object) -> BoundHeader:
    return bind_header(DECLARED, tuple(split_fields(text.encode())), Binding(MACROS, **changes))


def lines(header: BoundHeader, flags: str = "PDFx", **macros: str) -> list[str]:
    mailer = MailerDeclaration("m", 3, "/bin/m", ("m", f"{MACRO}u"), flags)
    environment = Environment({**MACROS, **macros})
    steps = render_header(header, Rendering(PROGRAM, environment, mailer))
    return list(drive(steps, lambda _: MapAnswer(MapStatus.NOT_FOUND)).lines)


def test_defaults_come_first_in_the_order_of_the_file_and_received_on_top_of_older_ones():
    header = bound("Received: by older\nTo: x@y.example\n")

    assert lines(header) == [
        "Return-Path: <bob>",
        "Received: by mx1",
        "Date: today",
        "From: Bob Example <bob>",
        "Full-Name: Bob Example",
        "Received: by older",
        "To: x@y.example",
    ]


def test_a_default_is_for_mailers_with_one_of_its_flags():
    assert lines(bound("To: x@y.example\n"), flags="n") == ["Received: by mx1", "To: x@y.example"]


def test_the_return_path_is_that_of_each_mailer():
    assert lines(bound(""), flags="P", g="bob@mx1")[0] == "Return-Path: <bob@mx1>"


def test_a_field_of_the_message_keeps_its_default_away_unless_it_is_empty():
    assert "Date: then" in lines(bound("Date: then\n"))
    assert "Date: today" in lines(bound("Date:\n"))
    assert "Date:" not in lines(bound("Date:\n"))


def test_a_from_that_is_the_sender_alone_is_made_anew_with_the_full_name():
    header = bound("From: bob\n", sender_forms=frozenset({"bob"}))

    assert [line for line in lines(header) if line.startswith("From")] == ["From: Bob Example <bob>"]


def test_resent_defaults_are_for_resent_mail_only():
    assert "Resent-Date: today" not in lines(bound("To: a@b.example\n"))
    assert "Resent-Date: today" in lines(bound("Resent-To: a@b.example\n"))


def test_bcc_goes_where_others_are_named_and_is_emptied_elsewhere():
    assert not [line for line in lines(bound("To: a\nBcc: b\n")) if line.startswith("Bcc")]
    assert "Bcc:" in lines(bound("Bcc: b\n"))


@pytest.mark.parametrize(
    ("action", "added"),
    [
        (NoRecipient.NONE, []),
        (NoRecipient.ADD_TO, ["To: b", "To: a"]),
        (NoRecipient.ADD_APPARENTLY_TO, ["Apparently-To: b", "Apparently-To: a"]),
        (NoRecipient.ADD_BCC, ["Bcc:"]),
    ],
)
def test_a_message_without_recipients_is_given_what_the_option_says(action, added):
    header = bound("Subject: x\n", no_recipient=action, recipients=("b", "a"))

    assert lines(header, flags="n")[2:] == added


def test_the_old_style_separates_by_blanks_but_not_where_any_field_has_commas():
    assert "To: a, b, c" in lines(bound("To: a b c\n", is_old_style=True))
    assert "To: a b c" in lines(bound("To: a b c\nCc: d, e\n", is_old_style=True))
    assert "To: a@b, c" in lines(bound("To: a @ b c\n", is_old_style=True))


def test_long_lists_are_folded_before_column_78():
    written = lines(bound("To: " + ", ".join(f"user{n}@remote.example" for n in range(8)) + "\n"), flags="n")[-1]

    assert all(len(line) <= 79 for line in written.split("\n"))
    assert written.split("\n")[1].startswith("        user")


def test_names_are_quoted_where_they_need_it():
    assert quoted_name("Joe Public", "@,.()") == "Joe Public"
    assert quoted_name("Joe Q. Public", "@,.()") == '"Joe Q. Public"'
    assert quoted_name('"Joe Q." Public', "@,.()") == '"Joe Q." Public'


def test_a_stored_header_is_read_as_it_was_written():
    stored = StoredHeader(bound("To: x,\n\ty\nSubject:\n"), Circumstances({"i": "1"}, "bob", octets=7))
    octets = write_stored(stored)

    assert is_stored(octets)
    assert b"\r\nTo: x,\r\n\ty\r\nSubject:\r\n\r\n" in octets
    assert read_stored(octets.removesuffix(b"\r\n")) == stored


@pytest.mark.parametrize("damage", [b"?", b"?{}\r\nA: b\r\n", b"?[1]\r\n", b'?{"circumstances":{}}\r\nA: b\r\n'])
def test_a_damaged_header_is_said_to_be_one(damage):
    with pytest.raises(MalformedError):
        read_stored(damage)


@given(st.binary(max_size=200))
def test_any_octets_are_fields_or_passed_over_and_can_be_bound_and_written(octets):
    fields = tuple(split_fields(octets))
    header = bind_header(DECLARED, fields, Binding(MACROS, is_old_style=True))

    assert all(isinstance(field, Field) for field in header.fields)
    lines(header)


@given(st.text(alphabet=' a@,;:<>()"\\\n\t.b', max_size=60))
def test_any_list_of_addresses_comes_to_an_end(text):
    lines(bind_header((), (Field("To", f" {text}"), Field("From", text)), Binding(MACROS, is_old_style=True)))
