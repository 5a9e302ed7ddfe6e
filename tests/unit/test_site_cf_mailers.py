"""M lines: fields, defaults, what old levels imply, and how ``=M`` shows them."""

import pytest

from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.printing import class_words, macro_value, mailer_lines, rule_lines, visible
from posthouse.site.cf.reader import read_cf

MX1 = Machine("mx1", "mx1.example.org", ("mx1",), ("192.0.2.10",))
LOCAL = "Mlocal, P=/bin/mail, F=lsDFM, A=mail -d $u\n"
UNIX = "X-Unix/X-Unix/X-Unix"
NO_TYPES = "<undefined>/<undefined>/<undefined>"
BUILT_IN = [
    f"mailer 0 (prog): P=/bin/sh S=0/0 R=0/0 M=0 U=-1:-1 F=9Dloqsu L=0 E=\\n T={UNIX} r=100 A=sh -c $u",
    f"mailer 1 (*file*): P=[FILE] S=0/0 R=0/0 M=0 U=-1:-1 F=9DEFMPloqsu L=0 E=\\n T={UNIX} r=100 A=FILE $u",
    f"mailer 2 (*include*): P=/dev/null S=0/0 R=0/0 M=0 U=-1:-1 F=su L=0 E=\\n T={NO_TYPES} r=100 A=INCLUDE $u",
]


@pytest.fixture
def read(tmp_path):
    def _read(text: str, **surroundings):
        path = tmp_path / "test.cf"
        path.write_text(text)
        return read_cf(path, Surroundings(MX1, **surroundings))

    return _read


def wrong(configuration) -> list[str]:
    return [one.problem.wrong for one in configuration.complaints]


def test_the_built_in_mailers_stand_first_and_keep_their_numbers(read):
    configuration = read(f"V10\n{LOCAL}Mprog, P=/bin/smrsh, F=lsDm, A=smrsh -c $u\n")
    lines = mailer_lines(configuration)

    assert lines[1:3] == BUILT_IN[1:]
    assert lines[0].startswith("mailer 0 (prog): P=/bin/smrsh")
    assert configuration.mailers["prog"].flags == "Dls"  # F=m means nothing for programs


def test_every_field_of_a_mailer_is_kept(read):
    configuration = read(
        "V10\nSFrom=11\n"
        "Mx, P=/bin/x, F=mD F, S=From/12, R=21, A=x -f $g  $u, E=\\r\\n, L=200, M=1000, m=5, r=7,"
        "\n\tD=$z:/, U=12:13, N=3, C=utf-8, T=a/b/c, W=2m, /=/chroot\n" + LOCAL
    )
    mailer = configuration.mailers["x"]

    assert wrong(configuration) == []
    assert (mailer.sender_envelope, mailer.sender_header) == (11, 12)
    assert (mailer.recipient_envelope, mailer.recipient_header) == (21, 21)
    assert (mailer.uid, mailer.gid, mailer.niceness, mailer.wait_seconds, mailer.root) == (12, 13, 3, 120, "/chroot")
    assert (mailer.messages_per_connection, mailer.recipients_per_envelope) == (5, 7)
    assert mailer_lines(configuration)[3] == (
        "mailer 3 (x): P=/bin/x S=From/12 R=21/21 M=1000 U=12:13 F=DFm L=200 E=\\r\\n C=utf-8 T=a/b/c r=7 A=x -f $g $u"
    )


@pytest.mark.parametrize(
    ("level", "local", "prog"),
    [
        (1, "/57:@ADFLMlqsw|", "9Dloqsu"),
        (5, "/5:@ADFLMlqsw|", "9Dloqsu"),
        (6, "DFLMlqs", "9Dloqsu"),
        (7, "DFLMls", "9Dloqsu"),
        (10, "DFLMls", "9Dloqsu"),
    ],
)
def test_old_levels_give_the_local_mailer_flags(read, level, local, prog):
    configuration = read(f"V{level}\nMlocal, P=/bin/mail, F=lsDFML, A=mail $u\n")

    assert configuration.mailers["local"].flags == local
    assert configuration.mailers["local"].longest_line == 990
    assert configuration.mailers["prog"].flags == prog


@pytest.mark.parametrize(
    ("arguments", "end"), [("A=x $u", "\n"), ("A=x -$u", "\n"), ("A=x $h", "\r\n"), ("A=TCP $h", "\r\n")]
)
def test_a_mailer_that_is_not_told_the_user_speaks_smtp(read, arguments, end):
    assert read(f"Mx, P=/bin/x, {arguments}\n{LOCAL}").mailers["x"].end_of_line == end


def test_an_ipc_mailer_has_types_of_its_own(read):
    mailer = read(f"Mx, P=[IPC], A=TCP $h\n{LOCAL}").mailers["x"]

    assert (mailer.mta_type, mailer.address_type, mailer.diagnostic_type) == ("dns", "rfc822", "smtp")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("M", "name required for mailer"),
        ("Mx, P=/x", "Mx: A= argument required"),
        ("Mx, A=x", "Mx: P= argument required"),
        ("Mx, P=[TCP], A=TCP $h", "Mx: P=[TCP] must be replaced by P=[IPC]"),
        ("Mx, P=[IPC], A=TCP", "Mx: too few parameters for [IPC] mailer"),
        ("Mx, P=[FILE], A=FILE a b", "Mx: too many parameters for [FILE] mailer"),
        ("Mx, P=[FILE], A=x y", "Mx: first argument in [FILE] mailer must be FILE"),
        ("Mx, P", "mailer x: `=' expected"),
        ("Mx, P=/x, Z=1, A=x", "Mx: unknown mailer equate Z="),
        ("Mx, P=/x, E=, A=x", "mailer x: null end-of-line string"),
        ("Mx, P=/x, S=!, A=x", 'invalid ruleset name: "!"'),
    ],
)
def test_what_is_wrong_with_a_mailer(read, line, said):
    assert wrong(read(f"{line}\n{LOCAL}")) == [said]


def test_accounts_of_mailers_are_asked_by_name(read):
    accounts = {"mail": (8, 9)}
    configuration = read(
        f"Mx, P=/x, A=x, U=mail\nMy, P=/x, A=x, U=nobody:12\nMz, P=/x, A=x, U=4:staff\n{LOCAL}",
        account=accounts.get,
        group={}.get,
    )

    assert (configuration.mailers["x"].uid, configuration.mailers["x"].gid) == (8, 9)
    assert (configuration.mailers["y"].uid, configuration.mailers["y"].gid) == (-1, -1)
    assert wrong(configuration) == ["mailer U= flag: unknown user nobody", "mailer U= flag: unknown group staff"]


def test_there_are_twenty_five_mailers_at_most(read):
    mailers = "".join(f"Mx{number}, P=/x, A=x\n" for number in range(21))

    assert wrong(read(mailers + LOCAL)) == []
    assert wrong(read(mailers + "Mone, P=/x, A=x\n" + LOCAL)) == [
        "too many mailers defined (25 max)",
        "No local mailer defined",
    ]


def test_rules_are_shown_as_tokens(read):
    configuration = read(
        "V10\nO OperatorChars=.:%@!^/[]+\nScanon=3\n"
        "R$* < $* > $* <@>\t$: $1<$2>\tx\nR$+@$=w\t$@ $>Other $(x $1 $@ y $: z $)\n" + LOCAL
    )

    assert rule_lines(configuration, "canon") == rule_lines(configuration, "3")
    assert rule_lines(configuration, "canon") == [
        "R$* < $* > $* < @ > \t\t$: $1 < $2 > ",
        "R$+ @ $=w \t\t$@ $> Other $( x $1 $@ y $: z $) ",
    ]
    assert rule_lines(configuration, "Canon") is None


def test_classes_and_macros_are_shown(read):
    configuration = read(f"V10\nCXb A\nDmexample.$w\n{LOCAL}")

    assert class_words(configuration, "X") == ["A", "b"]
    assert class_words(configuration, "Y") == []
    assert macro_value(configuration.program.macros, "m") == "example.$w"
    assert macro_value(configuration.program.macros, "Q") is None


def test_octets_that_are_no_letters_are_shown_escaped():
    assert visible("a\n\xfc\ue000") == "a\\nM-|$*"


def test_nothing_is_shown_of_controls():
    assert visible("a\x01\x7f\x1bb\xff") == "ab"


def test_octets_that_stand_for_metasymbols_are_shown_as_them_unless_they_are_marked():
    assert visible("\x90\x98\x95" + "1") == "$*$:$1"
    assert visible("\xff\x98\x80") == "M-M-"
    assert visible("\xd1\x81\xd1\x82a") == "M-Q${***UNDEFINED MACRO***}$&a"
