"""The lines of a sendmail.cf, one kind after the other."""

import pytest

from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.rewriting.symbols import CALL, HOST, IN_CLASS, MACRO, MACRO_NOW, MAP_BEGIN, MAP_END, NOTHING, ONE_OR_MORE
from posthouse.site.cf.classes import compile_format
from posthouse.site.cf.dollars import munch, translate
from posthouse.site.cf.lines import MAX_LINE, MAX_OCTETS, Line, LongLine, logical_lines
from posthouse.site.cf.machine import Machine, Surroundings, machine_of, parse_hosts
from posthouse.site.cf.reader import read_cf
from posthouse.site.cf.rule_sets import MAX_RULES
from posthouse.site.cf.state import MAX_CLASS_WORDS

MX1 = Machine("mx1", "mx1.example.org", ("mx1",), ("192.0.2.10",), ("[192.0.2.99]",), ("[127.0.0.1]",))
LOCAL = "Mlocal, P=/bin/mail, F=lsDFM, A=mail -d $u\n"


@pytest.fixture
def read(tmp_path):
    """Read a configuration from text, with a local mailer so that it is complete."""

    def _read(text: str, machine: Machine = MX1, **surroundings):
        path = tmp_path / "test.cf"
        path.write_bytes((text + ("" if "Mlocal" in text else f"\n{LOCAL}")).encode("iso8859-1"))
        return read_cf(path, Surroundings(machine, **surroundings))

    return _read


def said(configuration) -> list[str]:
    """What is wrong, as line: text."""
    return [f"{one.problem.origin.line}: {one.problem.wrong}" for one in configuration.complaints]


def test_a_line_that_begins_with_a_blank_goes_on_with_the_one_before():
    lines = list(logical_lines(b"Da\n\tb\r\n c\nDd\n\n e"))

    assert lines == [Line("Da\n\tb\n c", 1), Line("Dd", 4), Line(" e", 6)]


@pytest.mark.parametrize(("length", "kept"), [(MAX_LINE, True), (MAX_LINE + 1, False)])
def test_a_line_is_kept_up_to_its_bound(length, kept):
    line = next(logical_lines(b"x" * (length - 5) + b"\n yyy"))

    assert isinstance(line, LongLine) is not kept


@pytest.mark.parametrize(
    ("text", "level", "expected"),
    [
        pytest.param("Dx$w", 10, f"Dx{MACRO}w", id="macro"),
        pytest.param("Dx${Name}", 10, f"Dx{MACRO}{{Name}}", id="long name"),
        pytest.param("Dx${w}", 10, f"Dx{MACRO}w", id="one character in braces"),
        pytest.param("Dx$$w", 10, "Dx$w", id="dollar sign"),
        pytest.param("Dx$&{x}", 10, f"Dx{MACRO_NOW}x", id="deferred"),
        pytest.param("R$={Class}", 10, f"R{IN_CLASS}{{Class}}", id="class"),
        pytest.param("R$@", 10, f"R{HOST}", id="alone"),
        pytest.param("Dxa # b", 10, "Dxa", id="comment"),
        pytest.param("Dxa # b", 2, "Dxa # b", id="no comment before level 3"),
        pytest.param("Dxa\\#b", 10, "Dxa#b", id="escaped"),
        pytest.param("Dxa # b\n\tc # d", 10, "Dxa\n\tc", id="comment of one physical line"),
        pytest.param("Dxa  \t", 10, "Dxa", id="white space at the end"),
        pytest.param("Dx$", 10, "Dx$", id="dollar at the end"),
    ],
)
def test_dollars_and_comments_are_translated_when_a_line_is_read(text, level, expected):
    assert translate(text, level, pytest.fail) == expected


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Dx${", "Unbalanced { on "),
        ("Dx${}", "Name required for macro/class"),
        ("Dx${a-b}", "Invalid macro/class character -"),
        ("Dx${" + "n" * 26 + "}", f"Macro/class name ({{{'n' * 25}}}) too long (25 chars max)"),
    ],
)
def test_a_name_that_is_none_is_a_complaint(text, wrong):
    complaints: list[str] = []
    translate(text, 10, complaints.append)

    assert complaints == [wrong]


def test_a_field_ends_at_its_delimiter_outside_quotes():
    assert munch(r'/bin/"a,b" \, c\n, F=x', ",") == ("/bin/a,b , c\n", ", F=x")


def test_a_macro_keeps_its_blanks_and_loses_its_quotes(read):
    configuration = read('D{S}  x "y" \\n\nDmtwo.$w')

    assert configuration.program.macros["S"] == "  x y \n"
    assert configuration.program.macros["m"] == f"two.{MACRO}w"


def test_rules_are_expanded_when_they_are_read(read):
    configuration = read("V10\nDXone\nS5\nR$X $+\t$@ $&X $(m $1 $)\tcomment\nDXtwo\nR$X\t\t$X")
    first, second = configuration.program.rule_sets[5].rules

    assert first.left == f"one {ONE_OR_MORE}"
    assert first.right == f"{HOST} {MACRO_NOW}X {MAP_BEGIN}m \ue021 {MAP_END}"
    assert first.origin.line == 4
    assert (second.left, second.right) == ("two", "two")
    assert said(configuration) == []


def test_an_at_on_a_left_side_is_the_empty_pattern(read):
    assert read("S3\nR$@\t$@ <@>").program.rule_sets[3].rules[0].left == NOTHING


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        ("Rx\ty", '1: missing valid ruleset for "Rx\ty"'),
        ("S1\nRx y", '2: invalid rewrite line "Rx y" (tab expected)'),
        ("S1\nR\ty", "2: R line: null LHS"),
        ("S1\nRx\t", '2: invalid rewrite line "Rx" (tab expected)'),
        ("S1\nRx\t\tcomment$", None),
        ("S1\nR$:\ty", "2: Inappropriate use of $: on LHS"),
        ("S1\nR$1\ty", "2: Inappropriate use of $1-$9 on LHS"),
        ("S1\nRx\t$*", "2: Inappropriate use of $* on RHS"),
        ("S1\nR$+\t$2", "2: replacement $2 out of bounds"),
        ("S1\nR$+\t$0", "2: replacement $0 out of bounds"),
        ("S1\nR$- $- $- $- $- $- $- $- $- $-\ty", "2: R line: too many wildcards"),
        ("S1\nRx\t$(a $(b x $) $)", "2: cannot nest map lookups"),
        ("S1\nRx\t$[ x", "2: missing map closing token"),
        ('S1\nRx\t"$*"', None),
    ],
)
def test_what_is_wrong_with_a_rule(read, rules, wrong):
    complaints = said(read(f"{rules}\n"))

    assert complaints == ([] if wrong is None else [wrong.replace("\t", "\\t")])


def test_an_erroneous_rule_stays_loaded_as_in_sendmail(read):
    assert len(read("S1\nR$+\t$2").program.rule_sets[1].rules) == 1


def test_names_of_rule_sets_count_down_and_numbers_stick(read):
    configuration = read("Scanonify=3\nSfoo-bar\nSbaz\nScanonify\nR$+\t$1\nS3\nR$-\t$1")
    program = configuration.program

    assert program.names == {"canonify": 3, "foo": 199, "baz": 198}
    assert [len(program.rule_sets[number].rules) for number in (3, 199, 198)] == [2, 0, 0]
    assert said(configuration) == ["6: Ruleset 3 has multiple definitions"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("S100", "1: bad ruleset 100 (100 max)"),
        ("S99999999999999999999", "1: bad ruleset 99999999999999999999 (100 max)"),
        ("S-", '1: invalid ruleset name: "-"'),
        ("Sa=b", '1: bad ruleset definition "a" (number required after `=\')'),
        ("Sa=3\nSa=4", "2: a: ruleset changed value (old 3, new 4)"),
    ],
)
def test_what_is_wrong_with_the_name_of_a_rule_set(read, line, wrong):
    assert said(read(f"{line}\n"))[0] == wrong


def test_a_hundred_rule_sets_may_have_names_without_numbers(read):
    at_the_bound = read("".join(f"Sn{number}\n" for number in range(100)))
    beyond = read("".join(f"Sn{number}\n" for number in range(101)))

    assert said(at_the_bound) == []
    assert said(beyond) == ["101: n100: too many named rulesets (100 max)"]


def test_class_words_are_expanded_and_may_be_another_class(read):
    configuration = read("Cwlocalhost Example.ORG\nC{X}$m A.b\nCR$={X} c\nC{X}later")
    classes = configuration.program.classes

    assert classes["R"] == {"example.org", "a.b", "c"}
    assert configuration.spellings["a.b"] == "A.b"
    assert classes["w"] == {
        "localhost",
        "example.org",
        "mx1.example.org",
        "mx1",
        "[192.0.2.10]",
        "[192.0.2.99]",
        "[127.0.0.1]",
    }


@pytest.mark.parametrize(
    ("probe", "missing"), [("True", {"[192.0.2.99]", "[127.0.0.1]"}), ("loopback", {"[127.0.0.1]"})]
)
def test_dont_probe_interfaces_keeps_their_names_out(read, probe, missing):
    words = read(f"O DontProbeInterfaces={probe}").program.classes["w"]

    assert {"[192.0.2.99]", "[127.0.0.1]"} - words == missing


def test_trusted_users_are_class_t(read):
    assert read("Troot daemon\nTuucp").trusted_users == {"root", "daemon", "uucp"}


def test_a_class_file_gives_every_word_but_comments(read, tmp_path):
    names = tmp_path / "names"
    names.write_text("# comment\none two # three\n\nfour\n")

    configuration = read(f"Fa{names}\nFb{names} %[^\\#]\nF{{c}} -o {names} %s\nFd-o /nonexistent/file")

    assert configuration.program.classes["a"] == {"one", "four"}
    assert configuration.program.classes["b"] == {"one", "two", "four"}
    assert configuration.program.classes["c"] == {"one", "four"}
    assert said(configuration) == []
    assert {file.path for file in configuration.files} >= {str(names), "/nonexistent/file"}


def test_a_class_file_that_is_not_there_is_an_error(read):
    configuration = read("Fw/nonexistent/file")

    assert said(configuration) == ["1: fileclass: cannot open '/nonexistent/file': No such file or directory"]
    assert configuration.errors


@pytest.mark.parametrize(
    ("form", "line", "word"),
    [
        ("%s", "  a b", "a"),
        ("%[^\\#]", "a b # c", "a b "),
        ("%[^#\n]", "a b", "a b"),
        ("%*s %s", "a b", "b"),
        ("%[a-c]", "abcd", "abc"),
        ("%2s", "abc", "ab"),
        ("x%s", "y", None),
        ("%%%s", "%y", "y"),
    ],
)
def test_formats_of_class_files_are_those_of_scanf(form, line, word):
    match = compile_format(form).match(line)

    assert (match["word"] if match else None) == word


@pytest.mark.parametrize("form", ["", "abc", "%s %s", "%q", "%[]", "%["])
def test_a_format_stores_one_text(form):
    with pytest.raises(ValueError, match=r"."):
        compile_format(form)


def test_a_program_and_a_map_give_words_and_the_result_is_not_frozen(read):
    asked = []

    def look_up(kind: str, arguments: str, key: str) -> MapAnswer:
        asked.append((kind, arguments, key))
        return MapAnswer(MapStatus.FOUND, "three four")

    configuration = read(
        "Fa|/bin/list now\nFbkey@hash:/some/file", run=lambda argv: b"one\n" + argv[1].encode(), look_up=look_up
    )

    assert configuration.program.classes["a"] == {"one", "now"}
    assert configuration.program.classes["b"] == {"three", "four"}
    assert asked == [("hash", "/some/file", "key")]
    assert not configuration.is_cacheable


def test_a_map_is_declared_with_macros_expanded(read):
    configuration = read("D{dir}/maps\nKAccess hash -T<TMPF> -o ${dir}/access\nKx y z\nKa")

    declared = configuration.program.maps["access"]
    assert (declared.name, declared.kind, declared.arguments) == ("Access", "hash", "-T<TMPF> -o /maps/access")
    assert said(configuration) == ["3: map x: class y not available", '4: config K line "Ka" is not complete']


@pytest.mark.parametrize(
    ("line", "flags", "macro", "rule_set", "keeps"),
    [
        ("HX-A: $g", "", "", "", False),
        ("H?PD?X-A: $g", "PD", "", "", False),
        ("H?$x?X-A: y", "", "x", "", False),
        ("H?${auth}?X-A: y", "", "auth", "", False),
        ("HX-A: $>Check", "", "", "Check", False),
        ("HX-A: $>+Check", "", "", "Check", True),
        ("H*: $>Check", "", "", "Check", False),
    ],
)
def test_header_lines_have_conditions_templates_or_checks(read, line, flags, macro, rule_set, keeps):
    (header,) = read(line).headers

    assert (header.flags, header.macro, header.rule_set, header.keeps_comments) == (flags, macro, rule_set, keeps)
    assert bool(header.template) is not bool(rule_set)
    assert CALL not in header.template


@pytest.mark.parametrize("line", ["Hno colon here", "H?P", "H?$xy?X: y", "H: x"])
def test_a_header_line_that_is_none_is_an_error(read, line):
    assert "header syntax error" in said(read(line))[0]


def test_levels_shorten_the_host_name_from_five_on(read):
    assert read("V4").program.macros["w"] == "mx1.example.org"
    assert read("V5").program.macros["w"] == "mx1"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("Vx", '1: invalid argument to V line: "x"'),
        ("V10/Unknown", '1: invalid V line vendor code: "Unknown"'),
        ("V11", "1: level 11 is newer than 10, which this program reads"),
    ],
)
def test_what_is_wrong_with_a_version(read, line, wrong):
    assert said(read(line)) == [wrong]


def test_precedences_environment_queues_and_filters_are_kept(read):
    configuration = read(
        "Pbulk=-60\nPjunk=x\nEPATH=/bin\nELANG\nQslow, P=/q, I=5m, R=2\nXspam, S=local:/run/spam, F=T, T=S:1s;R:2s"
    )

    assert configuration.priorities == {"bulk": -60, "junk": 0}
    assert configuration.environment == {"PATH": "/bin", "LANG": None}
    assert configuration.queue_groups["slow"].interval_seconds == 300
    assert configuration.milters[0].timeouts == "S:1s;R:2s"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("Pbulk", 'unknown configuration line "Pbulk"'),
        ("Zx", 'unknown configuration line "Zx"'),
        ("Xspam, F=T", "Xspam: `S=' socket missing"),
        ("Qslow, Z=1", "Qslow: unknown queue equate Z="),
        ("E=x", "an E line without a name"),
    ],
)
def test_a_line_that_is_none_is_an_error_with_its_place(read, line, wrong):
    assert said(read(f"Da\n{line}")) == [f"2: {wrong}"]


def test_a_file_without_a_local_mailer_is_not_complete(tmp_path):
    path = tmp_path / "empty.cf"
    path.write_text("")

    assert [one.problem.wrong for one in read_cf(path, Surroundings(MX1)).errors] == ["No local mailer defined"]


@pytest.mark.parametrize("what", ["missing", "directory", "nul", "huge"])
def test_what_is_no_configuration_file_is_one_complaint(tmp_path, what):
    path = tmp_path / "test.cf"
    match what:
        case "directory":
            path.mkdir()
        case "nul":
            path.write_bytes(b"V10\nDa\0")
        case "huge":
            with path.open("wb") as stream:
                stream.truncate(2**30)

    (complaint,) = read_cf(path, Surroundings(MX1)).complaints

    assert complaint.is_error
    assert complaint.problem.wrong in {
        "the file can't be read: No such file or directory",
        "the file can't be read: Is a directory",
        "this is no text: it holds a NUL octet",
        f"the file is larger than {MAX_OCTETS} octets",
    }


def test_two_hundred_complaints_are_enough(read):
    complaints = read("Zwrong\n" * 1000).complaints

    assert len(complaints) == 200
    assert "reading stopped here" in complaints[-1].problem.wrong


def test_the_names_of_a_machine_come_from_its_hosts_file():
    hosts = parse_hosts("127.0.0.1 localhost\n192.0.2.10 mx1.example.org mx1 # us\n192.0.2.11 mx1.other.example mx1\n")

    machine = machine_of("MX1", hosts)

    assert (machine.official_name, machine.domain) == ("mx1.example.org", "example.org")
    assert machine.own_names() == ("mx1.example.org", "mx1", "[192.0.2.10]")
    assert machine_of("elsewhere", hosts).domain == ""


def test_rules_and_class_words_are_bounded(read):
    assert said(read("S1\n" + "Rx\ty\n" * MAX_RULES)) == []
    assert said(read("S1\n" + "Rx\ty\n" * (MAX_RULES + 1))) == [f"{MAX_RULES + 2}: more than {MAX_RULES} rules"]
    copied = "Ca" + " ".join(map(str, range(10_000))) + "\n" + "C{x}$={a}\n" * (MAX_CLASS_WORDS // 10_000)
    assert said(read(copied))[0].endswith(f"the classes hold more than {MAX_CLASS_WORDS} words")
