"""Who may send to whom, by the modes of two channels and the tables of hosts and people."""

import pytest

from posthouse.routing.mmdf.authorization import Submitter
from posthouse.site.tailor.model import Compatibility
from support.mmdf import mmdf_site

TAILOR = """
MLNAME "here"
MLDOMAIN "arpa"
AUTHREQUEST "boss@here.arpa"
MTBL top, file="top"
MDMN "", dmn="", table=top
MTBL locals, file="locals"
MTBL nets, file="nets"
MTBL phones, file="phones"
MTBL control, file="control"
MTBL auth, file="auth"
MCHN local, tbl=locals, ap=822
"""
TABLES = {
    "top": "here.arpa: here.arpa\nfar.arpa: far.arpa\nboth.arpa: both.arpa\n",
    "locals": "here: here\nhere.arpa: here\n",
    "nets": "far.arpa: x\nboth.arpa: x\n",
    "phones": "both.arpa: x\n",
    "control": "",
    "auth": "",
}
JOSE = Submitter("jose", answers_to="jose@here.arpa")
FAR = Submitter("q@far.arpa", "net", "far.arpa", "q@far.arpa")

REFUSED = "sender 'jose' not authorized to send to address 'u@far.arpa'"


@pytest.fixture
def ask(tmp_path):
    def build(net, phone, submitter, address, compatibility=None, **tables):
        tailor = f"{TAILOR}MCHN net, tbl=nets, ap=822{net}\nMCHN phone, tbl=phones, ap=822{phone}\n"
        site = mmdf_site(tmp_path, tailor, TABLES | tables, compatibility=compatibility)
        message = site.message(submitter)
        return site.go_on(message, address)

    return build


def test_free_channels_ask_nobody_and_log_nothing(ask):
    found = ask("", "", JOSE, "u@far.arpa", control="far.arpa: nobody\n")

    assert (found.is_accepted, found.authlog) == (True, ())


@pytest.mark.parametrize(
    ("mode", "accepted", "log", "warned"),
    [
        ("outlog", True, "i='local' o='net' a='u@far.arpa' r='' r='*O'", 0),
        ("outwarn", True, "i='local' o='net' a='u@far.arpa' r='' r='*O'", 1),
        ("outblock", False, f"BAD AUTH i='local' o='net' s='jose' r='u@far.arpa' msg='{REFUSED}'", 0),
    ],
)
def test_a_mode_says_what_becomes_of_what_is_not_allowed(ask, mode, accepted, log, warned):
    found = ask(f", auth={mode}", "", JOSE, "u@far.arpa")

    assert (found.is_accepted, found.authlog, len(found.notices)) == (accepted, (log,), warned)


def test_a_warning_says_to_whom_and_whom_to_ask(ask):
    (notice,) = ask(", auth=outwarn", "", JOSE, "u@far.arpa").notices

    assert (notice.to, notice.sender) == (("jose@here.arpa",), "Authorization Warning Daemon <boss@here.arpa>")
    assert "Not authorized to send mail to address: u@far.arpa\n" in notice.text


def test_of_modes_together_the_strongest_holds(ask):
    assert not ask(", auth=outlog, auth=outblock, auth=outwarn", "", JOSE, "u@far.arpa").is_accepted


def test_the_snapshot_only_logs_when_modes_are_together(ask):
    found = ask(", auth=outlog, auth=outblock", "", JOSE, "u@far.arpa", Compatibility.SNAPSHOT)

    assert found.is_accepted


@pytest.mark.parametrize(
    ("tables", "control", "code"),
    [
        ("outdest=control", "far.arpa:\n", "r='OH' hi='' ho='far.arpa'"),
        ("outdest=control", "far.arpa: phone local\n", "r='CH' hi='' ho='far.arpa'"),
        ("outdest=control", "far.arpa: here\n", "r='HH' hi='here' ho='far.arpa'"),
        ("outsrc=control", "local:\n", "r='CC' hi='' ho=''"),
        ("outsrc=control", "local: far.arpa\n", "r='CH' hi='' ho='far.arpa'"),
        ("outsrc=control", "here:\n", "r='IH' hi='here' ho=''"),
        ("outsrc=control", "here: far.arpa\n", "r='HH' hi='here' ho='far.arpa'"),
    ],
)
def test_the_tables_of_the_channel_out_allow_hosts_and_channels(ask, tables, control, code):
    found = ask(f", auth=outblock, {tables}", "", JOSE, "u@far.arpa", control=control)

    assert found.authlog == (f"i='local' o='net' a='u@far.arpa' {code}",)


@pytest.mark.parametrize(
    ("tables", "control", "code"),
    [
        ("insrc=control", "far.arpa:\n", "r='IH' hi='far.arpa' ho=''"),
        ("insrc=control", "far.arpa: phone\n", "r='HC' hi='far.arpa' ho=''"),
        ("insrc=control", "far.arpa: both.arpa\n", "r='HH' hi='far.arpa' ho='both.arpa'"),
        ("indest=control", "phone:\n", "r='CC' hi='' ho=''"),
        ("indest=control", "phone: far.arpa\n", "r='HC' hi='far.arpa' ho=''"),
        ("indest=control", "both.arpa:\n", "r='OH' hi='' ho='both.arpa'"),
        ("indest=control", "both.arpa: far.arpa\n", "r='HH' hi='far.arpa' ho='both.arpa'"),
    ],
)
def test_the_tables_of_the_channel_in_do_too(ask, tables, control, code):
    nets = "far.arpa: x\n"
    found = ask(f", auth=inblock, {tables}", "", FAR, "u@both.arpa", control=control, nets=nets)

    assert found.authlog == (f"i='net' o='phone' a='u@both.arpa' {code}",)


def test_nothing_is_relayed_between_channels_when_each_knows_only_the_local_one(ask):
    guarded = ", auth=inblock, auth=outblock, indest=control, outsrc=control"
    control = "local:\n"

    assert ask(guarded, guarded, FAR, "donald", control=control).is_accepted
    assert ask(guarded, guarded, JOSE, "u@far.arpa", control=control).is_accepted
    assert not ask(guarded, guarded, FAR, "u@both.arpa", control=control).is_accepted


def test_a_refused_channel_leaves_the_host_to_the_next_that_has_it(ask):
    found = ask(", auth=outblock", "", JOSE, "u@both.arpa")

    assert [(one.channel, one.host) for one in found.queued] == [("phone", "both.arpa")]


@pytest.mark.parametrize(
    ("auth", "codes"),
    [
        ("jose: send net\n", "r='' r='OS'"),
        ("jose: both phone net\n", "r='' r='OS'"),
        ("u@far.arpa: recv net\n", "r='' r='OR'"),
        ("u@far.arpa: list net\njose: send net\n", "r='' r='OL'"),
    ],
)
def test_people_have_rights_on_channels(ask, auth, codes):
    found = ask(", auth=outblock", "", JOSE, "u@far.arpa", auth=auth)

    assert found.authlog == (f"i='local' o='net' a='u@far.arpa' {codes}",)


@pytest.mark.parametrize(
    ("auth", "why"),
    [
        pytest.param("jose: send phone\n", "sender 'jose' not authorized to send to address 'u@far.arpa'", id="other"),
        pytest.param("jose: recv net\n", "sender 'jose' not authorized to send to address 'u@far.arpa'", id="receive"),
        ("jose: expire net\n", "sender 'jose' no longer authorized for address 'u@far.arpa'"),
        (
            'jose: "moved away" net\n',
            "sender 'jose' no authorization for address 'u@far.arpa' for reason: (moved away)",
        ),
        ("u@far.arpa: expire\n", "recipient 'u@far.arpa' no longer authorized"),
        ("u@far.arpa: dead\n", "recipient 'u@far.arpa' no authorization for reason: (dead)"),
    ],
)
def test_a_refusal_says_why_and_whom_to_ask(ask, auth, why):
    found = ask(", auth=outblock", "", JOSE, "u@far.arpa", auth=auth)

    assert found.replies[0].text == f"(NAUTH) Bad authorization: {why} : send queries to boss@here.arpa"


def test_a_sender_who_was_not_checked_has_no_rights(ask):
    forged = Submitter("jose", may_claim=False)

    assert not ask(", auth=outblock", "", forged, "u@far.arpa", auth="jose: send net\n").is_accepted


def test_host_and_user_are_both_asked_where_a_channel_wants_it(ask):
    both = ", auth=outblock, auth=hau, outdest=control"

    assert not ask(both, "", JOSE, "u@far.arpa", auth="jose: send net\n").is_accepted
    assert not ask(both, "", JOSE, "u@far.arpa", control="far.arpa:\n").is_accepted
    assert ask(both, "", JOSE, "u@far.arpa", control="far.arpa:\n", auth="jose: send net\n").is_accepted


def test_the_whole_route_stands_for_the_host_where_a_channel_wants_it(ask):
    by_route = ", auth=outblock, auth=dho, outdest=control"
    control = "wizzo!yuck!username%yerq@far.arpa:\n"

    assert ask(by_route, "", JOSE, "wizzo!yuck!joe%yerq@far.arpa", control=control).is_accepted
    assert not ask(by_route, "", JOSE, "joe@far.arpa", control=control).is_accepted


def test_an_unknown_user_is_authorized_by_his_own_name(ask):
    users = "\nMCHN badusers, tbl=nets, host=far.arpa, ap=822, auth=outblock"

    assert ask(users, "", JOSE, "stranger", auth="stranger: recv badusers\n").is_accepted
    assert not ask(users, "", JOSE, "stranger").is_accepted
