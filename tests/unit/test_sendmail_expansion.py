"""Who gets mail by a sendmail.cf: aliases, owners, loops, .forward and :include: files, and in which order."""

import pytest

from posthouse.mail.account import Account
from posthouse.mail.address import Address, Path
from posthouse.mail.address_file import AddressFile
from posthouse.mail.envelope import Envelope, MailerUser, Recipient
from posthouse.mail.route import Route
from posthouse.rewriting.environment import Environment
from posthouse.routing.sendmail.addressee import Addressee, State
from posthouse.routing.sendmail.envelopes import Given, address_of, envelopes_of, routed_of
from posthouse.routing.sendmail.expansion import Expansion
from posthouse.routing.sendmail.questions import (
    IncludeQuestion,
)
from posthouse.routing.sendmail.verification import exit_status, verdict_lines
from support.sendmail_world import World, routing_from


@pytest.fixture
def routing():
    return routing_from()


def expanded(routing, machine, *texts, **given) -> Expansion:
    expansion = Expansion(routing, Environment(routing.configuration.program.macros), **given)
    for text in texts:
        machine.drive(expansion.add(text))
    return expansion


def sent_to(expansion) -> list[str]:
    return [f"{one.mailer} {one.user}" for one in expansion.queue if one.state.is_sendable]


def test_recipients_stand_by_host_and_among_themselves_as_found(routing):
    machine = World({"all": "ann, x@b.example, y@a.example, bob"})

    expansion = expanded(routing, machine, "all", "z@a.example")

    assert sent_to(expansion) == [
        "local bob",
        "local ann",
        "far y@a.example",
        "far z@a.example",
        "far x@b.example",
    ]


def test_costly_mailers_come_last_when_they_are_held():
    expansion = expanded(routing_from("O HoldExpensive=true\n"), World(), "x@costly.example", "y@d.example")

    assert sent_to(expansion) == ["far y@d.example", "costly x@costly.example"]


def test_a_duplicate_is_sent_to_once(routing):
    expansion = expanded(routing, World({"all": "ann, ANN, ann@home.example"}), "all", "ann")

    assert sent_to(expansion) == ["local ann"]
    assert not expansion.complaints


def test_aliases_that_lead_only_to_each_other_are_a_broken_loop(routing):
    expansion = expanded(routing, World({"a": "b", "b": "a"}), "a")

    assert verdict_lines(expansion) == ["aliasing/forwarding loop broken"]
    assert exit_status(expansion) == 64


def test_an_alias_of_itself_is_the_mailbox_of_its_user(routing):
    expansion = expanded(routing, World({"ann": "ann, x@far.example"}), "ann")

    assert sent_to(expansion) == ["local ann", "far x@far.example"]


def test_a_mailbox_behind_a_circle_of_aliases_gets_the_mail(routing):
    expansion = expanded(routing, World({"team": "bob", "bob": "team"}), "team")

    assert sent_to(expansion) == ["local bob"]


def test_an_alias_with_backslash_is_not_looked_up_again(routing):
    machine = World({"ann": r"\ann, x@far.example"})

    assert sent_to(expanded(routing, machine, "ann")) == ["local \\ann", "far x@far.example"]


def test_a_deep_alias_is_refused_with_its_depth(routing):
    aliases = {f"a{number}": f"a{number + 1}" for number in range(20)}

    expansion = expanded(routing, World(aliases), "a0")

    assert "aliasing/forwarding loop broken (11 aliases deep; 10 max)" in verdict_lines(expansion)
    assert not sent_to(expansion)


@pytest.mark.parametrize(("count", "fits"), [(99, True), (101, False)])
def test_a_list_has_a_bounded_number_of_members(routing, count, fits):
    members = ", ".join(f"x{number}@far.example" for number in range(count))

    expansion = expanded(routing, World({"all": members}), "all", most_addresses=100)

    assert bool(sent_to(expansion)) is fits
    assert [one.complaint.status for one in expansion.complaints] == ([] if fits else ["5.2.4"])


def test_an_alias_that_cannot_be_looked_up_waits(routing):
    expansion = expanded(routing, World({"ann": "?"}), "ann")

    assert [one.state for one in expansion.queue] == [State.DEFERRED]


def test_accounts_that_cannot_be_looked_up_wait_and_are_not_unknown(routing):
    expansion = expanded(routing, World(trouble="directory away"), "ann")

    assert [one.state for one in expansion.queue] == [State.DEFERRED]
    assert not expansion.complaints


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("|/bin/prog", "|/bin/prog... Cannot mail directly to programs"),
        ("/var/box", "/var/box... Cannot mail directly to files"),
        (":include:/etc/list", ":include:/etc/list... Cannot mail directly to :include:s"),
        ("x@bad.example", "x@bad.example... No such host"),
        ("nobody", "nobody... User unknown"),
    ],
)
def test_what_a_sender_may_not_name_is_refused(routing, text, said):
    expansion = expanded(routing, World(), text)

    assert verdict_lines(expansion) == [said]
    assert not sent_to(expansion)


def test_a_rule_that_says_not_now_lets_the_address_wait(routing):
    (one,) = expanded(routing, World(), "x@slow.example").queue

    assert (one.state, one.reason) == (State.DEFERRED, "451 4.1.2 Not today")


def test_rule_set_5_takes_the_detail_from_a_user_whom_no_alias_names(routing):
    (one,) = [one for one in expanded(routing, World(), "ann+work").queue if one.state.is_sendable]

    assert (one.user, one.host, one.written) == ("ann", "work", "ann+work")


def test_a_forward_file_names_others_in_the_name_of_its_user(routing):
    read = AddressFile("/users/ann/.forward", ((1, 'bob, "|/bin/filter -x"'),), uid=2001)
    expansion = expanded(routing, World(forwards={"/users/ann/.forward": read}), "ann")

    (program,) = [one for one in expansion.queue if one.mailer == "prog"]
    assert sent_to(expansion) == ['prog "|/bin/filter -x"', "local bob"]
    assert routed_of(routing, program).mailer == MailerUser(
        '"|/bin/filter -x"', '"|/bin/filter -x"', "ann", "ann", 2001, 2001, "/users/ann"
    )


def test_a_user_without_a_login_shell_runs_no_programs(routing):
    read = AddressFile("/users/eve/.forward", ((3, "|/bin/filter"),), uid=2003)

    expansion = expanded(routing, World(forwards={"/users/eve/.forward": read}), "eve")

    (said,) = verdict_lines(expansion)
    assert said.startswith("/users/eve/.forward: line 3: |/bin/filter... User eve@mx.home.example doesn't have")


def test_a_list_that_others_can_write_names_no_files(routing):
    read = AddressFile("/etc/list", ((1, "ann"), (2, "/var/box")), uid=2001, is_safe=False)

    expansion = expanded(routing, World({"all": ":include:/etc/list"}, includes={"/etc/list": read}), "all")

    assert verdict_lines(expansion) == [
        "/etc/list: line 2: /var/box... Address :include:/etc/list is unsafe for mailing to files",
        "ann... deliverable: mailer local, user ann",
    ]


def test_a_list_that_cannot_be_read_now_waits(routing):
    read = AddressFile("/etc/list", error="Input/output error", is_temporary=True)

    expansion = expanded(routing, World({"all": ":include:/etc/list"}, includes={"/etc/list": read}), "all")

    assert [one.state for one in expansion.queue if not one.state.is_dead] == [State.DEFERRED]


def test_a_list_is_read_as_the_default_user_where_no_user_names_it(routing):
    machine = World({"all": ":include:/etc/list"})
    machine.people["daemon"] = Account("daemon", 1, 1)
    expanded(routing, machine, "all")

    assert [one.reader.login for one in machine.asked if isinstance(one, IncludeQuestion)] == ["daemon"]


def test_a_full_name_is_found_where_the_option_allows_it():
    expansion = expanded(routing_from("O MatchGECOS=true\n"), World(), "Ann_Other")

    assert sent_to(expansion) == ["local ann"]


def test_a_sender_is_left_out_of_his_list_where_me_too_is_off(routing):
    sender = Addressee("local", None, "ann", "ann")

    assert sent_to(expanded(routing, World({"all": "ann, bob"}), "all", unwanted=sender)) == ["local bob"]
    assert sent_to(expanded(routing, World(), "ann", unwanted=sender)) == ["local ann"]


# What the spool gets.


def envelopes(routing, machine, *texts, sender="joe@far.example"):
    expansion = Expansion(routing, Environment(routing.configuration.program.macros))
    given = {}
    for text in texts:
        roots = machine.drive(expansion.add(text))
        given.update({id(one.root): Given(Address(text)) for one in roots})
    nobody = Recipient(Address("x"), Route("far", "", Address("x")), Address("x"))
    collected = Envelope(Path(address_of(sender)), (nobody,))
    return envelopes_of(routing, expansion.queue, given, collected)


def test_failures_of_an_owned_list_go_to_its_owner_in_an_envelope_of_its_own(routing):
    machine = World({"all": "ann, bob", "owner-all": "eve"})

    own, owners = envelopes(routing, machine, "all", "x@far.example")

    assert [str(one.address) for one in own.recipients] == ["x@far.example"]
    assert str(own.reverse_path) == "joe@far.example"
    assert str(owners.reverse_path) == "eve"
    assert [str(one.address) for one in owners.recipients] == ["bob@mx.home.example", "ann@mx.home.example"]
    assert {str(one.original) for one in owners.recipients} == {"all"}


def test_an_owner_that_is_a_list_itself_is_named_and_not_expanded(routing):
    machine = World({"all": "ann", "owner-all": "eve, bob"})

    (owners,) = envelopes(routing, machine, "all")

    assert str(owners.reverse_path) == "owner-all"


def test_the_owner_who_sends_to_his_list_needs_no_second_envelope(routing):
    machine = World({"all": "ann", "owner-all": "eve@far.example"})

    assert len(envelopes(routing, machine, "all", "bob", sender="eve@far.example")) == 1


def test_a_bad_member_of_a_list_is_queued_as_a_failure(routing):
    (queued,) = envelopes(routing, World({"all": "ann, nobody"}), "all")

    assert [str(one.address) for one in queued.recipients] == ["ann@mx.home.example"]
    assert [(str(one.recipient.address), str(one.outcome.status)) for one in queued.failed] == [
        ("nobody@mx.home.example", "5.1.1")
    ]


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("joe@far.example", "joe@far.example"),
        ('"a b"@far.example', '"a b"@far.example'),
        ("b!c", '"b!c"@mx.home.example'),
        ("@far.example", '"@far.example"@mx.home.example'),
        ("j\xc3\xb6@far.example", "jö@far.example"),
        ("bell\x07@far.example", "bell?@far.example"),
    ],
)
def test_a_user_of_a_mailer_is_an_address(user, shown):
    assert str(address_of(user, "mx.home.example")) in (shown, shown.replace('"b!c"', "b!c"))
