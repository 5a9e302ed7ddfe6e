"""The Router of an MMDF site: whose mail it is, who may send where, what is said and noted."""

import pytest

from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.mail.address import NULL_PATH, Address, Path, WrittenAddress
from posthouse.routing.resolution import Deferred, Refused, Resolved
from posthouse.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS
from posthouse.submit.client import OWN_REPORTS, SENT_AGAIN, Client
from posthouse.submit.eager import run
from posthouse.submit.mmdf_router import MmdfRouter
from support.mmdf import mmdf_site

TAILOR = """\
MLNAME river
MLDOMAIN arpa
MSUPPORT "help@river.arpa"
MTBL aliases, file=aliases
ALIAS table=aliases, trusted, public
MTBL secret, file=secret
ALIAS table=secret, trusted
MTBL root, file=root
MDMN "", table=root
MTBL friends, file=friends
MTBL hosts, file=hosts
MTBL lists, file=lists
MTBL ours, file=ours
MTBL bad, file=bad
MCHN local, tbl=ours, pgm=local
MCHN friends, tbl=friends, pgm=smtp, ap=822
MCHN hosts, tbl=hosts, pgm=smtp, ap=822{hosts}
MCHN list, tbl=lists, pgm=list
MCHN badusers, tbl=bad, pgm=smtp, host=smart.arpa
{more}"""
TABLES = {
    "aliases": "both: jose, della@bank.arpa\nsave: jose|/bin/true\nkeep: jose//tmp/kept\nround: round2\nround2: round\n"
    "half: jose, x@nowhere.zz\n",
    "secret": "hidden: jose\n",
    "root": "river: river.arpa\nriver.arpa: river.arpa\nbank.arpa: bank.arpa\nferry.arpa: ferry.arpa bank.arpa\n"
    "pal.arpa: pal.arpa\nlist.arpa: list.arpa\n",
    "friends": "pal.arpa: 192.0.2.7\n",
    "hosts": "bank.arpa: 192.0.2.8\n",
    "lists": "list.arpa: l\n",
    "ours": "river.arpa: river\n",
    "bad": "smart.arpa: 192.0.2.8\n",
    "auth": "trusty@pal.arpa: send hosts\n",
    "mailids": "unix-wizards-request: jose\n",
    "control": "local:\nfriends:\n",
}
LOCAL = Client(user="jose", may_relay=True, local_submission=True)
FRIEND = Client(name="pal.arpa", address="192.0.2.7", may_relay=True)
STRANGER = Client(name="elsewhere.zz", address="198.51.100.1")


class Notes:
    """Port AuthorizationLog that remembers."""

    def __init__(self):
        self.written = []

    def write(self, message, entries):
        self.written += [(message, entry) for entry in entries]


@pytest.fixture
def make(tmp_path):
    def make(hosts="", more=""):
        site = mmdf_site(tmp_path, TAILOR.format(hosts=hosts, more=more), TABLES)
        notes = Notes()
        return MmdfRouter(site.routing, site.tables, notes, MemoryEventLog()), notes

    return make


def resolved(router, client, recipient, sender="joe@pal.arpa"):
    """What becomes of ``local@domain``; the message it was asked in, too."""
    message = router.begin(client)
    path = Path(Address(*sender.rsplit("@", 1))) if sender else NULL_PATH
    assert message.sender_now(path, NO_MAIL_PARAMETERS).code == 250
    address = Address(*recipient.rsplit("@", 1))
    assert message.recipient_now(address, NO_RCPT_PARAMETERS) is None
    return message, run(message.recipient(address, NO_RCPT_PARAMETERS))


def routes(resolution):
    assert isinstance(resolution, Resolved), resolution
    return [
        (one.route.channel, one.route.host, str(one.address), one.mailer.user if one.mailer else "")
        for one in resolution.recipients
    ]


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        pytest.param("jose@river.arpa", [("local", "", "jose@river.arpa", "")], id="user"),
        pytest.param("jose=tag@river", [("local", "", "jose@river.arpa", "jose=tag")], id="tag"),
        pytest.param("a@bank.arpa", [("hosts", "bank.arpa", "a@bank.arpa", "")], id="host"),
        pytest.param(
            "a@ferry.arpa",
            [("hosts", "bank.arpa", "a@ferry.arpa", "@bank.arpa:a@ferry.arpa")],
            id="host behind another",
        ),
        pytest.param("save@river.arpa", [("local", "", "jose@river.arpa", "jose|/bin/true")], id="program"),
        pytest.param("keep@river.arpa", [("local", "", "jose@river.arpa", "jose//tmp/kept")], id="file"),
        pytest.param("all@list.arpa", [("list", "list.arpa", "all@list.arpa", "")], id="list"),
        pytest.param("noone@river.arpa", [("badusers", "smart.arpa", "noone@river.arpa", "")], id="badusers"),
        pytest.param(
            "both@river.arpa",
            [("local", "", "jose@river.arpa", ""), ("hosts", "bank.arpa", "della@bank.arpa", "")],
            id="alias",
        ),
    ],
)
def test_an_address_becomes_channel_host_and_address(make, recipient, expected):
    assert routes(resolved(make()[0], LOCAL, recipient)[1]) == expected


@pytest.mark.parametrize(
    "recipient", ["a@bank.arpa", "a%bank.arpa@river.arpa", "bank.arpa!a@river.arpa", "a@bank.arpa@river.arpa"]
)
def test_a_stranger_may_not_relay(make, recipient):
    resolution = resolved(make()[0], STRANGER, recipient)[1]

    assert isinstance(resolution, Refused)
    assert resolution.reply.text == "relaying is not allowed"


@pytest.mark.parametrize("recipient", ["jose@river", "both@river.arpa", "all@list.arpa", "noone@river.arpa"])
def test_a_stranger_reaches_what_is_ours_and_where_our_aliases_lead(make, recipient):
    assert isinstance(resolved(make()[0], STRANGER, recipient)[1], Resolved)


def test_programs_and_files_are_the_user_s_and_tags_are_nobody_s(make):
    router, _ = make()

    def used_by(recipient):
        (one,) = resolved(router, LOCAL, recipient)[1].recipients
        return one.mailer.controller

    assert [used_by(f"{name}@river.arpa") for name in ("save", "keep", "jose=a/b")] == ["jose", "jose", ""]


def test_a_mail_id_leads_to_the_mailbox_of_its_login(make):
    router, _ = make(more="MMAILID 1\nMTBL mailids, file=mailids\nMCHN badusers, tbl=bad, pgm=smtp, host=smart.arpa\n")

    resolution = resolved(router, LOCAL, "Unix-Wizards-Request=tag@river.arpa")[1]

    assert routes(resolution) == [("local", "", "jose@river.arpa", "Unix-Wizards-Request=tag")]
    assert routes(resolved(router, LOCAL, "jose@river.arpa")[1])[0][0] == "badusers"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("@river,@bank.arpa:a@pal.arpa", [("hosts", "bank.arpa", "a@pal.arpa", "@bank.arpa:a@pal.arpa")]),
        ("@river.arpa:jose@river", [("local", "", "jose@river.arpa", "")]),
    ],
)
def test_a_source_route_is_followed(make, written, expected):
    message = make()[0].begin(LOCAL)

    resolution = run(message.resolve(WrittenAddress(written, typed=f"<{written}>")))

    assert message.follows_routes
    assert routes(resolution) == expected


@pytest.mark.parametrize("client", [STRANGER, FRIEND, LOCAL, Client(protocol=SENT_AGAIN, may_relay=True)])
def test_a_file_of_addresses_is_opened_for_aliases_and_not_for_senders(make, tmp_path, client):
    router, _ = make()
    (tmp_path / "members").write_text("jose\n")
    aliases = tmp_path / "table" / "aliases"
    aliases.write_text(f"{aliases.read_text()}listed: :include:{tmp_path}/members\n")

    named = resolved(router, client, f":include:{tmp_path}/members@river.arpa")[1]
    missing = resolved(router, client, f":include:{tmp_path}/missing@river.arpa")[1]

    assert isinstance(named, Refused)
    assert named.reply.code == 550
    assert str(named.reply).replace("members", "missing") == str(missing.reply)  # which files there are is nobody's
    assert routes(resolved(router, client, "listed@river.arpa")[1]) == [("local", "", "jose@river.arpa", "")]


@pytest.mark.parametrize("form", [":include:{}", "<{}", "<<{}"])
def test_vrfy_opens_no_file_of_addresses(make, tmp_path, form):
    (tmp_path / "members").write_text("jose\n")

    assert run(make()[0].verify(form.format(tmp_path / "members"), STRANGER)).code == 550


def test_a_stranger_may_not_relay_along_a_route(make):
    message = make()[0].begin(STRANGER)
    written = "@bank.arpa:jose@river.arpa"

    assert isinstance(run(message.resolve(WrittenAddress(written, typed=f"<{written}>"))), Refused)


def test_an_address_that_is_refused_elsewhere_does_not_leave_as_an_unknown_user(make):
    router, _ = make(", auth=outblock", "MCHN badusers, tbl=hosts, pgm=smtp, host=bank.arpa\n")

    assert isinstance(resolved(router, STRANGER, "a@bank.arpa")[1], Refused)


def test_where_authorization_decides_it_decides_for_strangers_too(make):
    router, _ = make(", auth=outblock", 'MTBL auth, file=auth\nMVALIDCHN "friends"\n')

    allowed = resolved(router, STRANGER, "a@bank.arpa", "trusty@pal.arpa")[1]
    refused = resolved(router, STRANGER, "a@bank.arpa", "eve@pal.arpa")[1]

    assert isinstance(allowed, Resolved)
    assert str(refused.reply).startswith("550 5.7.1 (NAUTH) Bad authorization: sender 'eve@pal.arpa' not authorized")


def test_a_client_comes_in_on_the_channel_whose_table_knows_its_name_with_its_address(make):
    control = "MTBL control, file=control\nMCHN hosts, tbl=hosts, pgm=smtp, ap=822, auth=outblock, outsrc=control\n"
    router, notes = make(more=control)
    impostor = Client(name="pal.arpa", address="198.51.100.1", may_relay=True)

    assert isinstance(resolved(router, FRIEND, "a@bank.arpa")[1], Resolved)
    assert isinstance(resolved(router, LOCAL, "a@bank.arpa")[1], Resolved)
    assert isinstance(resolved(router, impostor, "a@bank.arpa")[1], Refused)
    assert [name for name, _ in notes.written] == ["(refused)"]


def test_what_this_site_sends_by_itself_asks_for_no_authorization(make):
    router, _ = make(", auth=outblock")

    for protocol in (OWN_REPORTS, SENT_AGAIN):
        assert isinstance(resolved(router, Client(protocol=protocol, may_relay=True), "a@bank.arpa", "")[1], Resolved)


def test_a_commit_is_noted_with_the_size_and_a_warned_sender_is_written_to(make):
    router, notes = make(", auth=outwarn")
    message, _ = resolved(router, FRIEND, "a@bank.arpa")

    assert message.has_afterword
    (notice,) = run(message.after_commit("1ABC", 42))

    assert (notice.to, notice.subject) == (("joe@pal.arpa",), "Authorization Warning")
    assert notes.written[-1] == ("1ABC", "END size='42', sender='joe@pal.arpa'")
    assert "r='*O'" in notes.written[0][1]


def test_a_message_without_authorization_has_nothing_to_say(make):
    message, _ = resolved(make()[0], FRIEND, "a@bank.arpa")

    assert not message.has_afterword


def test_support_is_told_of_an_alias_that_is_half_good(make):
    message, resolution = resolved(make()[0], LOCAL, "half@river.arpa")

    assert resolution.problems == ("Bad address in alias",)
    (notice,) = run(message.after_commit("1ABC", 1))
    assert notice.to == ("help@river.arpa",)
    assert notice.sender == '"river.arpa Mail System (MMDF)" <mmdf@river.arpa>'


@pytest.mark.parametrize(
    ("recipient", "kind", "reply"),
    [
        ("x@nowhere.zz", Refused, '550 5.1.2 (BHST) Unknown host/domain name in "x@nowhere.zz"'),
        ("round@river.arpa", Refused, "550 5.1.1 this address leads to nobody"),
    ],
)
def test_what_cannot_be_sent_to_is_refused_or_waits(make, recipient, kind, reply):
    resolution = resolved(make()[0], LOCAL, recipient)[1]

    assert isinstance(resolution, kind)
    assert str(resolution.reply) == reply


def test_a_table_that_cannot_be_read_defers(make, tmp_path):
    router, _ = make()
    (tmp_path / "table" / "root").unlink()

    resolution = resolved(router, FRIEND, "a@bank.arpa")[1]

    assert isinstance(resolution, Deferred)
    assert resolution.reply.code == 451


def test_an_address_that_cannot_be_verified_now_goes_to_the_channel_delay_of_our_own_clients(make, tmp_path):
    router, _ = make(more="MCHN delay, tbl=ours, pgm=delay\n")
    (tmp_path / "table" / "root").unlink()

    message, waits = resolved(router, FRIEND, "a@bank.arpa")
    again = resolved(router, Client(protocol=SENT_AGAIN, may_relay=True), "a@bank.arpa")[1]
    stranger = resolved(router, STRANGER, "a@bank.arpa")[1]

    assert routes(waits)[0][0] == "delay"
    assert str(waits.recipients[0].address) == "a@bank.arpa"
    assert message.has_afterword
    run(message.after_commit("1ABC", 1))
    (event,) = router.event_log.named("unverified")
    assert (event["queue_id"], event["recipient"]) == ("1ABC", "a@bank.arpa")
    assert event["reason"].startswith(f"table root: cannot read {tmp_path}/table/root")
    assert isinstance(again, Deferred)
    assert isinstance(stranger, Deferred)


@pytest.mark.parametrize(
    ("argument", "code", "text"),
    [
        ("jose@river", 250, 'Nice address "jose@river"'),
        ("Jose <jose>", 250, 'Nice address "Jose <jose>"'),
        ("x@nowhere.zz", 550, '(BHST) Unknown host/domain name in "x@nowhere.zz"'),
        ("", 501, "not an address"),
    ],
)
def test_vrfy_answers_in_the_words_of_mmdf(make, argument, code, text):
    answer = run(make()[0].verify(argument, STRANGER))

    assert (answer.code, answer.text) == (code, text)


def test_expn_shows_public_aliases_alone(make):
    router, _ = make()

    assert run(router.expand("both", STRANGER)).lines == ("<jose>", "<della@bank.arpa>")
    assert run(router.expand("hidden", STRANGER)).code == 550
    assert run(router.expand("nosuch", STRANGER)).code == 550
    assert run(router.expand("<<", STRANGER)).code == 501


def test_an_explanation_has_every_table_with_file_and_line(make):
    resolution = run(make()[0].explain(Address("both", "river.arpa"), NULL_PATH))

    assert "alias both stands for jose, della@bank.arpa" in resolution.via
    assert "aliases:1" in resolution.via


def test_the_log_is_told_why_a_table_did_not_answer_and_the_client_is_not(make, tmp_path):
    router, _ = make()
    (tmp_path / "table" / "hosts").unlink()

    resolution = run(router.begin(LOCAL).recipient(Address("della", "bank.arpa"), NO_RCPT_PARAMETERS))

    assert isinstance(resolution, Deferred)
    assert resolution.reason.startswith(f"table hosts: cannot read {tmp_path}/table/hosts")
    assert str(tmp_path) not in str(resolution.reply)


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        (STRANGER, "550 5.7.1 mail from 198.51.100.1 is refused: see https://list.zz"),
        (Client(name="evil.zz", address="198.51.100.2"), "550 5.7.1 mail from evil.zz is refused"),
        (Client(name="good.zz", address="198.51.100.3"), "250"),
        pytest.param(Client(name="evil.zz", address="192.0.2.9", may_relay=True), "250", id="who may relay"),
        pytest.param(LOCAL, "250", id="a local program"),
    ],
)
def test_a_peer_in_a_table_with_reject_is_refused(make, tmp_path, client, answer):
    router, _ = make(more="MTBL evil, file=evil, flags=reject\n")
    (tmp_path / "table" / "evil").write_text("198.51.100.1: see https://list.zz\nevil.zz\n")

    said = run(router.begin(client).sender(NULL_PATH, NO_MAIL_PARAMETERS))

    assert str(said).startswith(answer)


@pytest.mark.parametrize(("flags", "code"), [("", 250), (", flags=abort", 451)])
def test_a_table_of_peers_that_does_not_answer_stops_nobody_without_abort(make, flags, code):
    router, _ = make(more=f"MTBL evil, file=missing, flags=reject{flags}\n")

    assert run(router.begin(STRANGER).sender(NULL_PATH, NO_MAIL_PARAMETERS)).code == code
