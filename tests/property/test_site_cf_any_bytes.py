"""Any octets as a sendmail.cf give a configuration or complaints, never an exception, and freeze to the same."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.site.cf.assemble import assemble
from posthouse.site.cf.complaints import MAX_COMPLAINTS
from posthouse.site.cf.frozen import freeze, thaw
from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.printing import class_words, macro_value, mailer_lines, rule_lines
from posthouse.site.cf.reader import read_cf
from posthouse.site.problems import SiteError

WORDS = (
    "$* $+ $- $@ $: $# $= $~ $& $? $| $. $[ $] $( $) $> $w $j ${x} ${ } $$ $1 $9 $0 \\ \" ' # \t , = / : ; < > ( ) @ %"
    " ! ? -o | P= F=lm A= S=3/4 R= E=\\n T=/ U=1:2 M=5 x y 10 5d True local prog hash O Timeout. queuewarn Name="
)
PIECES = st.sampled_from(WORDS.split(" "))
LINES = st.builds(
    lambda letter, pieces: letter + "".join(pieces),
    st.sampled_from(list("DCFTRSHMOPKQVEXLZ #\t")),
    st.lists(PIECES | st.text(st.characters(max_codepoint=255), max_size=4), max_size=12),
)
FILES = st.lists(LINES, max_size=25).map(lambda lines: "\n".join(lines).encode("iso8859-1")) | st.binary(max_size=300)
PATH = Path("/some/sendmail.cf")


def surroundings(octets: bytes) -> Surroundings:
    def read(path: str, most: int) -> bytes:
        if path == str(PATH):
            return octets[: most + 1]
        raise FileNotFoundError(2, "No such file or directory", path)

    return Surroundings(Machine("mx1", "mx1.example.org"), read=read)


@given(FILES)
def test_any_octets_are_a_configuration_or_complaints(octets):
    around = surroundings(octets)
    configuration = read_cf(PATH, around)

    assert len(configuration.complaints) <= MAX_COMPLAINTS
    for complaint in configuration.complaints:
        assert str(complaint).isprintable()
        assert complaint.problem.origin.line <= octets.count(b"\n") + 1
    frozen = freeze(configuration, around.machine)
    if frozen is not None:
        assert thaw(frozen, PATH, around) == configuration


@given(FILES)
def test_whatever_was_read_can_be_printed_and_be_a_site(octets):
    configuration = read_cf(PATH, surroundings(octets))

    mailer_lines(configuration)
    for number in configuration.program.rule_sets:
        assert rule_lines(configuration, str(number)) is not None
    for name in configuration.program.classes:
        class_words(configuration, name)
    for name in configuration.program.macros:
        macro_value(configuration.program.macros, name)
    if configuration.errors:
        with pytest.raises(SiteError):
            assemble(configuration)
    else:
        assert assemble(configuration).cf is configuration


@given(st.binary(max_size=200))
def test_any_octets_as_a_frozen_file_are_as_good_as_none(octets):
    assert thaw(octets, PATH, surroundings(b"")) is None
