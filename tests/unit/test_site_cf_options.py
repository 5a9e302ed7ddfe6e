"""O lines, and that the table of options is complete."""

from datetime import timedelta
from pathlib import Path

import pytest

from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.options.kinds import MAX_SECONDS, Form, seconds_of
from posthouse.site.cf.options.table import BY_LETTER, OPTIONS, names_beginning
from posthouse.site.cf.reader import read_cf
from posthouse.site.cf.reference import compose

LOCAL = "Mlocal, P=/bin/mail, F=lsDFM, A=mail -d $u\n"
# The letters of version 8, less those that are no options of their own: M defines a macro, T and r set time limits.
LETTERS = "78AaBbCcdEeFfGHhIiJjKkLlmnOopPqQRSstUuVvwxXyYzZ"


@pytest.fixture
def read(tmp_path):
    def _read(text: str):
        path = tmp_path / "test.cf"
        path.write_text(f"{text}\n{LOCAL}")
        return read_cf(path, Surroundings(Machine("mx1", "mx1.example.org")))

    return _read


def said(configuration) -> list[str]:
    return [one.problem.wrong for one in configuration.complaints]


def test_every_letter_is_an_option():
    assert set(BY_LETTER) == set(LETTERS)


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
def test_every_option_says_what_it_does_or_why_it_does_nothing(option):
    assert len(option.effect) > 3
    assert option.has_effect or len(option.reason) > 10
    if option.kind.form is Form.CHOICE:
        assert option.default in option.kind.choices.values()
    if option.kind.form in (Form.FLAGS, Form.LINES):
        assert option.default == ()


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
def test_any_option_takes_its_own_default(read, option):
    text = option.default if isinstance(option.default, str) else ""
    if option.kind.form is Form.OCTAL:
        text = f"{option.default:o}"

    configuration = read(f"O {option.name}={text}")

    assert not configuration.errors
    assert configuration.is_set(option.name)


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        ("O MaxHopCount=17", "MaxHopCount", 17),
        ("Oh17", "MaxHopCount", 17),
        ("O maxhopcount = 17", "MaxHopCount", 17),
        ("O MeToo", "MeToo", True),
        ("O MeToo=False", "MeToo", False),
        ("OmT", "MeToo", True),
        ("O AliasWait=10", "AliasWait", 600),
        ("O Timeout.ident=0s", "Timeout.ident", 0),
        ("O Timeout.queuewarn=2", "Timeout.queuewarn.urgent", 7200),
        ("O Timeout.queuereturn.*=2", "Timeout.queuereturn.dsn", 2 * 86400),
        ("OT3d/5h", "Timeout.queuereturn.normal", 3 * 86400),
        ("OT3d/5h", "Timeout.queuewarn.normal", 5 * 3600),
        ("O QueueTimeout=2", "Timeout.queuereturn", 2 * 86400),
        ("Or1h", "Timeout.datafinal", 3600),
        ("Ormail=7m,quit=1m", "Timeout.quit", 60),
        ("O TempFileMode=0644", "TempFileMode", 0o644),
        ("O DeliveryMode=q", "DeliveryMode", "queue"),
        ("OdQ\nOdi", "DeliveryMode", "interactive"),
        ("O DeliveryMode=", "DeliveryMode", "interactive"),
        ("O NoRecipientAction=add-to-undisclosed", "NoRecipientAction", "add-to-undisclosed"),
        ("O PrivacyOptions=authwarnings,NoEXPN\nOpgoaway", "PrivacyOptions", ("authwarnings", "noexpn", "goaway")),
        (
            "O DaemonPortOptions=Name=MTA\nO DaemonPortOptions=Port=587, Name=MSA, M=E",
            "DaemonPortOptions",
            ("Name=MTA", "Port=587, Name=MSA, M=E"),
        ),
        ('O SmtpGreetingMessage=$j "x"', "SmtpGreetingMessage", "\ue00ej x"),
        ("O QueueSortOrder=Host", "QueueSortOrder", "host"),
        ("O SuperSafe=True", "SuperSafe", "true"),
        ("", "QueueSortOrder", "priority"),
    ],
)
def test_values_of_options(read, lines, name, value):
    configuration = read(lines)

    assert configuration.option(name) == value


def test_accessors_return_each_type(read):
    configuration = read("O MeToo=f\nO MaxHopCount=3\nO MinQueueAge=5m\nO HeloName=x\nO PrivacyOptions=novrfy")

    assert configuration.flag("MeToo") is False
    assert configuration.number("MaxHopCount") == 3
    assert configuration.duration("MinQueueAge") == timedelta(minutes=5)
    assert configuration.text("HeloName") == "x"
    assert configuration.words("PrivacyOptions") == ("novrfy",)


@pytest.mark.parametrize(
    ("line", "wrong", "is_error"),
    [
        ("O Nonsense=1", "unknown option name Nonsense: it is ignored", False),
        ("O MaxHop=1", "Option MaxHop used as abbreviation for MaxHopCount", False),
        ("O Max=1", "ambiguous option name Max (matches MaxAliasRecursion and MaxDaemonChildren)", True),
        ("O =1", "null option name", True),
        ("O", "null option name", True),
        ("O Timeout.nonsense=1", "invalid timeout nonsense", True),
        ("O\x01x", "unknown option \\x01", False),
        ("O MaxHopCount=many", 'option MaxHopCount: "many" is no number: it counts as 0', False),
        ("O MeToo=perhaps", 'option MeToo: "perhaps" is neither true nor false: it counts as false', False),
        ("O TempFileMode=rw", 'option TempFileMode: "rw" is no octal number', True),
        ("O AliasWait=5x", "option AliasWait: Invalid time unit `x'", False),
        ("O ErrorMode=x", 'option ErrorMode: "x" is none of print, quiet, mail, write, berknet', True),
        ("O PrivacyOptions=nonsense", "option PrivacyOptions: nonsense unrecognized: it is left out", False),
    ],
)
def test_what_is_wrong_with_an_option(read, line, wrong, is_error):
    (complaint,) = read(line).complaints

    assert (complaint.problem.wrong, complaint.is_error) == (wrong, is_error)


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [
        ("5d", "m", 432000), ("1w2d3h4m5s", "m", 788645), ("10", "h", 36000), ("", "h", 0), ("now", "h", 0),
        ("99999999999d", "s", MAX_SECONDS),
    ],
)  # fmt: skip
def test_times_add_up(text, unit, seconds):
    assert seconds_of(text, unit, pytest.fail) == seconds


def test_a_whole_name_is_meant_even_if_others_begin_with_it():
    assert names_beginning("verbose") == ["Verbose"]
    assert len(names_beginning("Queue")) > 1


def test_operators_come_from_the_option_or_from_an_old_macro(read):
    assert read("V10\nO OperatorChars=.:@").program.operators == ".:@"
    assert read("V6\nDo.:%@!").program.operators == ".:%@!"
    assert read("V7\nDo.:%@!").program.operators == ".:@[]"
    assert read("V10\nO BlankSub=.").program.blank_substitute == "."
    assert said(read("V10\nO OperatorChars=.\nO OperatorChars=.@")) == ["OperatorChars is being redefined"]


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        ("V5", "ColonOkInAddr", True),
        ("V6", "ColonOkInAddr", False),
        ("V6\nO ColonOkInAddr", "ColonOkInAddr", True),
        ("V2", "UseErrorsTo", True),
        ("V3", "UseErrorsTo", False),
        ("V6\nDlfrom $g", "UnixFromLine", "from \ue00eg"),
        ("V7\nDlfrom $g", "UnixFromLine", "From \ue00eg \ue00ed"),
        ("V6\nDe$j here", "SmtpGreetingMessage", "\ue00ej here"),
    ],
)
def test_defaults_depend_on_the_level(read, lines, name, value):
    assert read(lines).option(name) == value


def test_the_page_says_what_the_table_says():
    page = Path(__file__).parents[2] / "docs" / "cf.md"
    remedy = "python -c 'from posthouse.site.cf.reference import *; print(compose(), end=\"\")' > docs/cf.md"

    assert page.read_text() == compose(), remedy
