"""Any header: what is not a field of addresses leaves as it came, and editing ends."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.lookup import NOT_FOUND, Lookup
from posthouse.rewriting.mmdf.header_fields import ADDRESS_FIELDS, split_header
from posthouse.routing.mmdf.compiled import compile_mmdf
from posthouse.routing.mmdf.headers import HeaderDialect
from posthouse.site.tailor.reader import parse_tailor

SITE = compile_mmdf(parse_tailor("MLNAME a\nMLDOMAIN b\nMCHN local, ap=822\n", Path("/x/mmdftailor")))
PIECES = st.sampled_from(
    [
        "To",
        "cc",
        "Subject",
        ":",
        " ",
        "\n",
        "\r\n",
        "\t",
        "a@b",
        ",",
        "<",
        ">",
        ";",
        "(x)",
        '"',
        "@",
        "\x80",
        "\x00",
        "\\",
    ]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join)


def edited(text):
    steps, answer = HeaderDialect(SITE, SITE.channel("local")).header(text), None
    while True:
        try:
            answer = NOT_FOUND if isinstance(steps.send(answer), Lookup) else None
        except StopIteration as end:
            return end.value


@given(TEXTS)
def test_a_header_is_cut_into_fields_without_losing_an_octet(text):
    fields, rest = split_header(text)

    assert "".join(field.raw for field in fields) + rest == text


@given(TEXTS)
def test_what_is_no_field_of_addresses_leaves_as_it_came(text):
    fields, rest = split_header(text)
    found = edited(text)

    assert found.endswith(rest)
    kept = [field.raw for field in fields if field.name not in ADDRESS_FIELDS]
    at = 0
    for raw in kept:
        at = found.index(raw, at) + len(raw)


@given(TEXTS)
def test_an_edited_header_is_a_header_with_the_same_fields_and_warnings(text):
    names = [field.name for field in split_header(text)[0]]
    after = [field.name for field in split_header(edited(text))[0]]

    assert [name for name in after if name != "mmdf-warning"][: len(names)] == names
