"""Records of a tailor file: lines and what continues them."""

from hypothesis import given
from hypothesis import strategies as st

from posthouse.site.tailor.records import Record, read_records


def texts(file):
    return [record.text for record in read_records(file)]


def test_a_line_that_begins_with_a_blank_or_tab_continues_the_record():
    assert texts("MCHN smtp,\n\tpgm=smtp\n  host=a\nMSLEEP 5\n") == ["MCHN smtp, \tpgm=smtp   host=a", "MSLEEP 5"]


def test_a_comment_is_continued_like_any_record():
    assert texts("; one\n  two\nMSLEEP 5") == ["; one   two", "MSLEEP 5"]


def test_an_empty_line_ends_a_record():
    assert texts("MCHN smtp,\n\n\tpgm=smtp\n") == ["MCHN smtp,", " \tpgm=smtp"]


def test_blank_lines_are_no_records():
    assert texts("\n \n\t\n\r\n") == []


def test_line_ends_of_other_systems_are_line_ends():
    assert texts("MLNAME a\r\nMLDOMAIN b\r\n") == ["MLNAME a", "MLDOMAIN b"]


def test_a_record_knows_where_it_stands():
    record = list(read_records("; first\nMCHN smtp,\n\tpgm=nosuch\n"))[1]

    assert str(record.place(5, "mmdftailor")) == "mmdftailor:2"
    assert record.place(5, "f").column == 6
    assert str(record.place(record.text.index("nosuch"), "mmdftailor")) == "mmdftailor:3"
    assert record.place(record.text.index("nosuch"), "f").column == 6
    assert list(record.lines_after(5)) == [(11, "\tpgm=nosuch")]


@given(st.text(st.sampled_from("a \t\n\r;"), max_size=60))
def test_every_line_that_says_something_stands_in_one_record(text):
    records: list[Record] = list(read_records(text))

    numbers = [line for record in records for _, line in record.lines]
    wanted = {n for n, line in enumerate(text.split("\n"), 1) if line.strip()}

    assert sorted(set(numbers)) == numbers
    assert wanted <= set(numbers)
    for record in records:
        for start, line in record.lines:
            assert record.text[start:].startswith(text.split("\n")[line - 1].removesuffix("\r"))
