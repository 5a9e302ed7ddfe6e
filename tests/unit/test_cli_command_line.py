"""sendmail's command line: what forty years of programs pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.cli.classic.command_line import Mode, Options, QueueRun, read_command_line
from posthouse.mail.errors import MalformedError


def read(*arguments, program="sendmail"):
    return read_command_line(program, arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param(["-t", "-i"], {"from_header": True, "ignore_dots": True}, id="what php and cron pass"),
        pytest.param(["-ti"], {"from_header": True, "ignore_dots": True}, id="cluster"),
        pytest.param(
            ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"],
            {
                "ignore_dots": True,
                "full_name": "CronDaemon",
                "body": "8BITMIME",
                "error_mode": "m",
                "addresses": ("root",),
            },
            id="what cron passes",
        ),
        pytest.param(["-fjoe", "x"], {"sender": "joe", "addresses": ("x",)}, id="value attached"),
        pytest.param(["-f", "joe", "x"], {"sender": "joe", "addresses": ("x",)}, id="value follows"),
        pytest.param(["-rjoe"], {"sender": "joe"}, id="-r is -f"),
        pytest.param(["-f", ""], {"sender": ""}, id="empty -f is the null reverse-path"),
        pytest.param(["-f<>"], {"sender": ""}, id="-f<> is the null reverse-path"),
        pytest.param(["-fjoe", "-rjoe"], {"sender": "joe"}, id="the same sender twice"),
        pytest.param(["-F", "Joe User"], {"full_name": "Joe User"}, id="full name"),
        pytest.param(["-oi"], {"ignore_dots": True}, id="-oi"),
        pytest.param(["-o", "i"], {"ignore_dots": True}, id="-o i"),
        pytest.param(["-oiTrue"], {"ignore_dots": True}, id="-oiTrue"),
        pytest.param(["-oiFalse"], {}, id="-oiFalse"),
        pytest.param(["-O", "IgnoreDots=True"], {"ignore_dots": True}, id="-O IgnoreDots"),
        pytest.param(["-OErrorMode=q"], {"error_mode": "q"}, id="-O ErrorMode"),
        pytest.param(["-odb", "-oQ/tmp/q", "-oA/etc/aliases", "-om"], {}, id="-o options without a meaning"),
        pytest.param(["-ODeliveryMode=b"], {}, id="-O options without a meaning"),
        pytest.param(["-em"], {"error_mode": "m"}, id="old error mode"),
        pytest.param(["-N", "failure,delay"], {"notify": "FAILURE,DELAY"}, id="notify"),
        pytest.param(["-Nnever"], {"notify": "NEVER"}, id="never notify"),
        pytest.param(["-R", "hdrs"], {"ret": "HDRS"}, id="return headers"),
        pytest.param(["-V", "a+20b"], {"envid": "a+20b"}, id="envelope id"),
        pytest.param(["-q"], {"queue_run": QueueRun()}, id="run the queue"),
        pytest.param(["-q15m"], {"queue_run": QueueRun()}, id="an interval"),
        pytest.param(["-qRexample.org"], {"queue_run": QueueRun("R", "example.org")}, id="recipients that contain"),
        pytest.param(["-qI1a2b"], {"queue_run": QueueRun("I", "1a2b")}, id="one message"),
        pytest.param(["-qS!ann"], {"queue_run": QueueRun("S", "ann", is_negated=True)}, id="all but those of a sender"),
        pytest.param(["-qQ"], {"queue_run": QueueRun("Q")}, id="what is quarantined"),
        pytest.param(["-q", "joe"], {"queue_run": QueueRun(), "addresses": ("joe",)}, id="-q takes no following word"),
        pytest.param(["-d0.1", "x"], {"debugging": "0.1", "addresses": ("x",)}, id="debugging takes no following word"),
        pytest.param(["-bd", "-q30m"], {"mode": Mode.DAEMON, "queue_run": QueueRun()}, id="the daemon as of old"),
        pytest.param(["-b", "v", "joe"], {"mode": Mode.VERIFY, "addresses": ("joe",)}, id="mode as a word"),
        pytest.param(["-bt", "-d21.12"], {"mode": Mode.TEST, "debugging": "21.12"}, id="test mode"),
        pytest.param(["-I"], {"mode": Mode.ALIASES}, id="-I is -bi"),
        pytest.param(["-bm", "--", "-joe"], {"addresses": ("-joe",)}, id="-- ends options"),
        pytest.param(["joe", "-t"], {"addresses": ("joe", "-t")}, id="options end at the first address"),
        pytest.param(["-", "x"], {"addresses": ("-", "x")}, id="a lone dash is an operand"),
        pytest.param(["-GUmnsTcE"], {"no_aliases": True}, id="letters of other MTAs, and -n"),
        pytest.param(
            ["-Ltag", "-X/dev/null", "-h5", "-Am", "-pSMTP:x"],
            {"hops": "5", "protocol": "SMTP:x"},
            id="values that only sendmail.cf sites heed",
        ),
        pytest.param(["-C", "/x/site.toml"], {"site": "/x/site.toml"}, id="site file"),
        pytest.param(["-v"], {"verbose": True}, id="verbose"),
    ],
)
def test_options_mean_what_they_always_did(arguments, expected):
    options = read(*arguments)

    options.settings = ()  # for sites with a sendmail.cf; below
    assert options == Options(**expected)


def test_options_of_a_sendmail_cf_are_kept_as_they_would_stand_there():
    assert read("-oem", "-O", "MaxHopCount=3", "-OErrorMode=q", "-eq").settings == (
        "em",
        " MaxHopCount=3",
        " ErrorMode=q",
        "eq",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["-fa", "-rb"], 'More than one "from" person', id="two senders"),
        pytest.param(["-f"], "needs a value", id="value missing"),
        pytest.param(["-N", "sometimes"], "-N sometimes", id="bad notify"),
        pytest.param(["-N", "never,failure"], "-N never,failure", id="never stands alone"),
        pytest.param(["-R", "half"], "-R half", id="bad return"),
        pytest.param(["-V", "a b"], "xtext", id="envelope id with a blank"),
        pytest.param(["-V", "x" * 101], "xtext", id="envelope id too long"),
        pytest.param(["-B", "9BIT"], "-B 9BIT", id="bad body"),
        pytest.param(["-bh"], "posthouse queue list", id="host status"),
        pytest.param(["-b?"], "unknown mode", id="unknown mode"),
        pytest.param(["--recipients"], "unknown option", id="long option"),
    ],
)
def test_wrong_usage_is_told_in_words(arguments, said):
    with pytest.raises(MalformedError, match=said.replace("?", ".")):
        read(*arguments)


@pytest.mark.parametrize(
    ("program", "mode"), [("mailq", Mode.QUEUE), ("newaliases", Mode.ALIASES), ("smtpd", Mode.DAEMON)]
)
def test_the_name_of_the_program_sets_the_mode(program, mode):
    assert read(program=program).mode is mode


def test_longest_envelope_id_is_taken():
    assert read("-V", "x" * 100).envid == "x" * 100


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=8))
def test_any_command_line_is_read_or_refused_in_words(arguments):
    """Any words give Options whose addresses are a tail of the words, or a MalformedError with a message."""
    try:
        options = read(*arguments)
    except MalformedError as refusal:
        said = str(refusal)
    else:
        said = "read"
        assert not options.addresses or tuple(arguments[-len(options.addresses) :]) == options.addresses
    assert said
