"""What K lines say of their maps, and what flags make of an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.mail.map_arguments import NullByte, finish_answer, read_map_arguments, rewrite_value

octets = st.text(st.characters(max_codepoint=255), max_size=80)


def test_flags_stand_before_the_file():
    read = read_map_arguments("hash", " -T<TMPF> -o -a. /etc/mail/access")

    assert (read.file, read.temporary_suffix, read.is_optional, read.suffix) == (
        "/etc/mail/access",
        "<TMPF>",
        True,
        ".",
    )
    assert read.complaints == ()


def test_a_column_may_stand_after_a_blank():
    read = read_map_arguments("text", "-k 2 -v1 -z: /etc/passwd")

    assert (read.key_column, read.value_column, read.delimiter, read.file) == ("2", "1", ":", "/etc/passwd")


@pytest.mark.parametrize(
    ("word", "delimiter"),
    [("-z\\t", "\t"), ("-z\\n", "\n"), ("-z\\\\", "\\"), ("-z\\x", "\\"), ("-z,", ","), ("-z", "")],
)
def test_a_delimiter_may_be_escaped(word, delimiter):
    assert read_map_arguments("text", f"{word} /f").delimiter == delimiter


def test_what_follows_the_file_goes_to_the_program():
    read = read_map_arguments("program", "-a. /usr/bin/ask --one  two")

    assert (read.file, read.rest) == ("/usr/bin/ask", "--one  two")


def test_a_pattern_is_everything_after_the_flags():
    read = read_map_arguments("regex", r"-s1,2 -a@MATCH ^(.*) at (.*)$")

    assert (read.others["s"], read.suffix, read.rest, read.file) == ("1,2", "@MATCH", "^(.*) at (.*)$", "")


def test_a_filter_may_be_quoted():
    read = read_map_arguments("ldap", '-1 -k "(&(mail=%0) (x=y))" -v mailHost -h ldap.example.org')

    assert (read.key_column, read.value_column) == ("(&(mail=%0) (x=y))", "mailHost")
    assert read.others == {"1": "", "h": "ldap.example.org"}


@pytest.mark.parametrize(("flags", "null"), [("", NullByte.EITHER), ("-N", NullByte.ALWAYS), ("-O", NullByte.NEVER)])
def test_null_bytes_of_keys_may_be_chosen(flags, null):
    assert read_map_arguments("hash", f"{flags} /f").null_byte is null


def test_an_unknown_flag_is_named_and_the_rest_is_read():
    read = read_map_arguments("hash", "-o -Xyz /f")

    assert read.complaints == ("the class hash has no flag -X",)
    assert (read.file, read.is_optional) == ("/f", True)


@pytest.mark.parametrize(
    ("value", "rewritten"),
    [
        ("plain", "plain"),
        ("%0@x", "key@x"),
        ("%1+%2", "one+two"),
        ("%3rest", "rest"),
        ("100%%", "100%"),
        ("%x", "%x"),
        ("end%", "end%"),
        ("%%1", "%1"),
        ("cut\0off", "cut"),
    ],
)
def test_percent_signs_of_a_value_stand_for_key_and_arguments(value, rewritten):
    assert rewrite_value(value, "key", ("one", "two")) == rewritten


def _finished(text, raw):
    return finish_answer(read_map_arguments("hash", text), "key", ("one",), raw)


FOUND = MapAnswer(MapStatus.FOUND, "%1")
SILENT = MapAnswer(MapStatus.TEMPORARY, reason="silent")


@pytest.mark.parametrize(
    ("flags", "raw", "status", "value"),
    [
        pytest.param("-a.", FOUND, MapStatus.FOUND, "one.", id="a suffix"),
        pytest.param("-a", FOUND, MapStatus.FOUND, "one", id="an empty suffix"),
        pytest.param("-m -a.", FOUND, MapStatus.FOUND, "key.", id="the key, not its value"),
        pytest.param("", SILENT, MapStatus.TEMPORARY, None, id="no answer defers"),
        pytest.param("-T<TMP>", SILENT, MapStatus.TEMPORARY, "key<TMP>", id="no answer, marked"),
        pytest.param("-t", SILENT, MapStatus.NOT_FOUND, None, id="no answer is no entry when asked for"),
        pytest.param("-t -T<TMP>", SILENT, MapStatus.FOUND, "key<TMP>", id="marked, and no deferral"),
        pytest.param("-t", MapAnswer(MapStatus.BROKEN), MapStatus.BROKEN, None, id="broken stays broken"),
        pytest.param("-T<TMP>", MapAnswer(MapStatus.NOT_FOUND), MapStatus.NOT_FOUND, None, id="not found stays so"),
    ],
)
def test_flags_finish_an_answer(flags, raw, status, value):
    finished = _finished(flags, raw)

    assert (finished.status, finished.value) == (status, value)


@given(st.sampled_from(["hash", "host", "dns", "regex", "ldap", "program", "nosuch"]), octets)
def test_any_arguments_are_read(kind, text):
    read_map_arguments(kind, text)


@given(octets, octets, st.lists(octets, max_size=12))
def test_any_value_is_rewritten(value, key, arguments):
    rewrite_value(value, key, arguments)
