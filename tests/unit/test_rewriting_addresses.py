"""Recipients resolved, names as mailers show them, and what the check rule sets rule."""

import pytest

from posthouse.mail.lookup import MapAnswer, MapQuestion, MapStatus
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.crack import LONGEST_TEMPLATE, crack
from posthouse.rewriting.drive import drive
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.mailers import MailerTraits
from posthouse.rewriting.recipients import AddressResolver, Purpose, Resolved
from posthouse.rewriting.remote_names import RemoteName, remote_name
from posthouse.rewriting.soundness import LONGEST_ADDRESS
from posthouse.rewriting.triples import exit_status_of
from posthouse.rewriting.verdicts import Ruling, Verdict, check
from support.rules import answers, program_of

MAILERS = {
    "local": MailerTraits("local", "lsw/:|@5"),
    "prog": MailerTraits("prog", "lsu"),
    "*file*": MailerTraits("*file*", "u"),
    "smtp": MailerTraits("smtp", "u", sender_header=11, recipient_envelope=12, recipient_header=12),
    "plain": MailerTraits("plain", "uhc", sender_header=11),
}
RULES = {
    "3": ["$+ < $+ > => $2", "< $+ > => $1", "$+ @ $+ => $: $1 < @ $2 >"],
    "0": [
        '$+ < @ bad . test > => $# error $@ 5.1.2 $: "550 No such host"',
        '$+ < @ later . test > => $# error $@ 4.4.1 $: "451 4.7.1 Come again"',
        "$+ < @ word . test > => $# error $@ nouser $: nobody there",
        "$+ < @ odd . test > => $# nosuch $@ odd $: $1",
        "$+ < @ nohost . test > => $# smtp $: $1",
        "$+ < @ nouser . test > => $# smtp $@ nouser . test",
        "$+ < @ unresolved . test > => $: $1 unresolved",
        "$+ < @ asked . test > => $# local $: $( m $1 $)",
        "unresolved => $@ unresolved",
        "$+ < @ $+ > => $# smtp $@ $2 $: $1 < @ $2 >",
        "$+ => $# local $: $1",
    ],
    "4": ["$* < @ $+ > $* => $1 @ $2 $3"],
    "5": ["moved => $# smtp $@ elsewhere . test $: moved < @ elsewhere . test >"],
    "11": ["$+ < @ $+ > => $: $1 < @ header . $2 >"],
    "12": ["$+ < @ inner . $+ > => $: $1 < @ $2 >"],
}


@pytest.fixture
def program() -> CompiledProgram:
    return program_of(RULES, maps={"m": ("hash", "/nowhere")})


def resolve(program: CompiledProgram, address: str) -> Resolved | tuple[Complaint, ...]:
    resolver = AddressResolver(program, MAILERS)
    return drive(resolver.resolve(Environment(), address), answers({}))


@pytest.mark.parametrize(
    ("address", "mailer", "host", "user"),
    [
        pytest.param("Joe", "local", None, "joe", id="a local user, in lower case"),
        pytest.param("Joe@Inner.Test", "smtp", "inner.test", "Joe@Test", id="R= edits the user, the host is folded"),
        pytest.param("|/bin/cat", "prog", None, "|/bin/cat", id="a program"),
        pytest.param('"|/bin/cat x"', "prog", None, '"|/bin/cat x"', id="a program in quotes"),
        pytest.param("/var/mail/Joe", "*file*", None, "/var/mail/Joe", id="a file"),
        pytest.param(":Include:/list", "*include*", None, "/list", id="a list"),
        pytest.param("joe@bad.test", "*error*", "5.1.2", '"550 No such host"', id="an error"),
    ],
)
def test_where_an_address_goes(
    program: CompiledProgram, address: str, mailer: str, host: str | None, user: str
) -> None:
    resolved = resolve(program, address)

    assert isinstance(resolved, Resolved)
    assert (resolved.mailer, resolved.host, resolved.user) == (mailer, host, user)


@pytest.mark.parametrize(
    ("address", "status", "reply", "text", "deferred"),
    [
        ("joe@bad.test", 68, "550 5.1.2", "No such host", False),
        ("joe@later.test", 75, "451 4.7.1", "Come again", True),
        ("joe@word.test", 67, "553 5.3.0", "nobody there", False),
        ("joe@odd.test", 78, "554 5.3.5", "buildaddr: unknown mailer nosuch", False),
        ("joe@nohost.test", 78, "554 5.3.5", "buildaddr: no host", False),
        ("joe@nouser.test", 78, "554 5.3.5", "buildaddr: no user", False),
        ("unresolved", 78, "554 5.3.5", "buildaddr: no mailer in parsed address", False),
    ],
)
def test_errors_have_status_code_and_text(
    program: CompiledProgram, address: str, status: int, reply: str, text: str, deferred: bool
) -> None:
    resolved = resolve(program, address)

    assert isinstance(resolved, Resolved)
    assert (resolved.mailer, resolved.exit_status, resolved.is_deferred) == ("*error*", status, deferred)
    complaint = resolved.complaints[-1]
    assert (f"{complaint.code} {complaint.status}", complaint.text) == (reply, text)


def test_what_is_no_address_gives_complaints_alone(program: CompiledProgram) -> None:
    assert resolve(program, "(comment)") == ()
    assert resolve(program, "jo\x85e") == (
        Complaint('8-bit character in mailbox address "jo?e"', "501", "5.1.3", "jo?e"),
    )
    assert isinstance(resolve(program, "a" * LONGEST_ADDRESS), Resolved)
    too_long = resolve(program, "a" * 100 + "." + "b" * 155)
    assert isinstance(too_long, tuple)
    assert too_long[0].text.endswith("too long (255 bytes max)")


def test_a_map_that_cannot_answer_defers_the_recipient(program: CompiledProgram) -> None:
    def silent(_: MapQuestion) -> MapAnswer:
        return MapAnswer(MapStatus.TEMPORARY)

    resolved = drive(AddressResolver(program, MAILERS).resolve(Environment(), "joe@asked.test"), silent)

    assert isinstance(resolved, Resolved)
    assert resolved.is_deferred
    assert resolved.complaints[-1].text == "Transient parse error -- message queued for future delivery"


def test_a_control_character_in_the_resolved_user_is_refused(program: CompiledProgram) -> None:
    resolved = resolve(program, "jo\x01e")

    assert isinstance(resolved, Resolved)
    assert (resolved.mailer, resolved.user, resolved.exit_status) == ("local", "jo?e", 64)
    assert resolved.complaints[-1].text == 'Syntax error in mailbox address "jo?e" (non-printable character)'


def test_rule_set_five_moves_a_local_user(program: CompiledProgram) -> None:
    resolver = AddressResolver(program, MAILERS)

    moved = drive(resolver.resolve_local_user(Environment(), "moved"), answers({}))
    assert moved is not None
    assert (moved.mailer, moved.host, moved.user) == ("smtp", "elsewhere.test", "moved@elsewhere.test")
    assert drive(resolver.resolve_local_user(Environment(), "stays"), answers({})) is None


def name(program: CompiledProgram, address: str, mailer: str, purpose: Purpose, **options: object) -> RemoteName:
    steps = remote_name(program, Environment(), address, MAILERS[mailer], purpose, **options)  # type: ignore[arg-type] # further options
    return drive(steps, answers({}))


def test_a_name_in_a_header_keeps_its_phrase_and_comments(program: CompiledProgram) -> None:
    sender = Purpose(is_header=True, is_sender=True)

    assert name(program, "Joe (x) <joe@a.test>", "smtp", sender).text == "Joe (x) <joe@header.a.test>"
    assert name(program, "Joe (x) <joe@a.test>", "plain", sender).text == "joe@header.a.test"
    assert name(program, "(nothing)", "smtp", sender).text == "(nothing)"


def test_the_senders_domain_is_appended_to_a_bare_name(program: CompiledProgram) -> None:
    domain = ("@", "sender", ".", "test")

    assert name(program, "ann", "smtp", Purpose(is_header=True), sender_domain=domain).text == "ann@sender.test"
    assert name(program, "ann@a.test", "smtp", Purpose(is_header=True), sender_domain=domain).text == "ann@a.test"


@pytest.mark.parametrize(
    ("address", "template"),
    [
        ("joe@a", "$g"),
        ("Joe User <joe@a>", "Joe User <$g>"),
        ("Joe Q. User <joe@a>", '"Joe Q. User" <$g>'),
        ('"User, Joe" <joe@a>', '"User, Joe" <$g>'),
        ("joe@a (Joe)", "$g (Joe)"),
        ("(Joe) joe@a", "(Joe) $g"),
        ("  joe@a", "  $g"),
        ("list: joe;", "list: $g;"),
        ("node::joe", "$g"),
        ("a <b> c", "a <$g> c"),
        ('a <b> "c" d', "<$g>"),
        ('a <b> "', 'a <$g> ""'),
        ("<a <b>", '"<a" <$g>'),
        ("joe (x", "$g (x)"),
        ("<joe", "<$g>"),
        ("joe>", "$g"),
        ("", ""),
    ],
)
def test_what_is_around_an_address_becomes_its_template(address: str, template: str) -> None:
    assert crack(address).replace("\ue00e", "$") == template


def test_too_long_a_phrase_is_dropped() -> None:
    assert crack("x" * (LONGEST_TEMPLATE - 5) + " <joe>").replace("\ue00e", "$").endswith("x <$g>")
    assert crack("x" * LONGEST_TEMPLATE + " <joe>").replace("\ue00e", "$") == "<$g>"


CHECKS = {
    "check_mail": [
        "< bad @ $+ > => $# error $@ 5.7.1 $: 550 Go away",
        "< dull @ $+ > => $# discard $: discard",
        "< held @ $+ > => $# error $@ quarantine $: held back",
        "< asked @ $+ > => $: $( m $1 $)",
    ],
    "check_relay": ["$+ $| 192.0.2.1 => $# error $: 421 Later"],
}


def ask(rule_set: str, *texts: str) -> Verdict:
    program = program_of(CHECKS, maps={"m": ("hash", "/nowhere")})
    return drive(check(program, Environment(), rule_set, *texts), lambda _: MapAnswer(MapStatus.TEMPORARY))


def test_the_check_rule_sets_rule() -> None:
    assert ask("check_mail", "<good@a>").ruling is Ruling.ACCEPT
    assert ask("check_mail", "<dull@a>").ruling is Ruling.DISCARD
    assert ask("check_mail", "<held@a>").reason == "held back"
    assert ask("check_mail", "<asked@a>").is_deferred
    assert ask("check_nothing", "x").ruling is Ruling.ACCEPT
    refused = ask("check_mail", "<bad@a>").refusal
    assert refused is not None
    assert (refused.reply.code, refused.reply.status, refused.reply.text) == ("550", "5.7.1", "Go away")
    later = ask("check_relay", "host", "192.0.2.1").refusal
    assert later is not None
    assert later.is_temporary


@pytest.mark.parametrize(
    ("host", "status"),
    [("5.1.1", 67), ("5.1.2", 68), ("5.7.1", 65), ("4.3.2", 75), ("75", 75), ("config", 78), ("word", 69), ("", 69)],
)
def test_the_host_of_an_error_names_the_exit_status(host: str, status: int) -> None:
    assert exit_status_of(host) == status
