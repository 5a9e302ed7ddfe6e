"""Any text: MMDF's parser of addresses ends, and what it wrote it reads again."""

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.lookup import Origin
from posthouse.mail.mmdf_fields import MOST_FIELDS, split_fields, value_fields
from posthouse.rewriting.mmdf.address import AddressMistake, MmdfAddress, read_addresses, read_field
from posthouse.rewriting.mmdf.text import canonical
from posthouse.tables.mmdf import mmdf_entry

PIECES = st.sampled_from([*'abz.!%@,:;<>()"\\[] \t#~=|/', "joe", "b.arpa", "<<", "at"])
LABELS = st.text("abcxyz-", min_size=1, max_size=8)
LOCALS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20).map(
    lambda text: " ".join(text.replace('"', "").replace("\\", "").split()) or "joe"
)


@given(st.lists(PIECES, max_size=60).map("".join))
def test_every_text_has_an_end_and_at_most_one_address_for_each_token(text):
    found = list(read_addresses(text))

    assert len(found) <= len(text) + 1
    assert all(isinstance(one, MmdfAddress | AddressMistake) for one in found)


@given(st.text(max_size=80))
def test_any_characters_at_all_raise_nothing(text):
    for one in read_addresses(text):
        if isinstance(one, MmdfAddress):
            canonical(one)


@given(LOCALS, st.lists(LABELS, max_size=4))
def test_what_is_written_is_read_again(local, hops):
    domain, route = (hops[-1], tuple(hops[:-1])) if hops else ("", ())
    address = MmdfAddress(local, domain, route)

    assert list(read_addresses(canonical(address))) == [address]


@given(st.text(max_size=80))
def test_a_line_of_a_table_is_an_entry_or_a_problem(text):
    mmdf_entry(text.replace("\n", ""), Origin("table", 1))


@given(st.text(max_size=200))
def test_a_value_has_at_most_so_many_fields_and_none_is_empty(text):
    found = value_fields(text)

    assert len(found) <= MOST_FIELDS
    assert all(found)


@given(st.text("ab,./|-@% \t\xa0\x85\x0b", max_size=20))
def test_a_plain_value_is_split_as_the_lexer_of_fields_splits_it(text):
    assert value_fields(text) == tuple(one.text for one in split_fields(text).fields if one.text)


@given(st.from_regex(r"[!-~]{1,12}(@[a-z.-]{1,12})?", fullmatch=True))
def test_a_simple_address_is_read_as_the_grammar_reads_it(text):
    assert list(read_addresses(text)) == list(read_field(text))
