"""The command line of sendmail, as forty years of programs use it.

Options are letters, alone or in clusters (``-ti``), with their value attached or
following (``-fuser``, ``-f user``); options end at the first address or ``--``.  Letters that we do not know are
accepted silently, as other MTAs do: a program that passes one must not lose its mail over it.
"""

import enum
from collections.abc import Sequence

from msgspec import Struct

from posthouse.mail.errors import MalformedError


class Mode(enum.Enum):
    """What ``-b`` asks for."""

    DELIVER = "m"
    SMTP = "s"
    DAEMON = "d"
    FOREGROUND_DAEMON = "D"
    ALIASES = "i"
    QUEUE = "p"
    QUEUE_COUNT = "P"
    VERIFY = "v"
    TEST = "t"


class QueueRun(Struct):
    """What ``-q`` asks for: ``-q`` everything; ``-qI``, ``-qR``, ``-qS`` what contains a text; ``-qQ`` quarantined."""

    selector: str = ""  # "", I, R, S or Q
    text: str = ""
    is_negated: bool = False  # what does not contain it


class Options(Struct):
    """A command line, read."""

    mode: Mode = Mode.DELIVER
    queue_run: QueueRun | None = None
    sender: str | None = None  # -f, -r; "" is the null reverse-path
    full_name: str = ""
    ignore_dots: bool = False
    from_header: bool = False  # -t
    verbose: bool = False
    notify: str = ""
    ret: str = ""
    envid: str = ""
    body: str = ""
    error_mode: str = ""
    debugging: str = ""  # -d
    quarantine: str | None = None  # -Q: the reason; "" releases
    settings: tuple[str, ...] = ()  # -o and -O, each as it would follow the O of a line in a sendmail.cf
    hops: str = ""  # -h
    protocol: str = ""  # -p
    no_aliases: bool = False  # -n
    users: str = ""  # --users: a passwd(5) file
    site: str = ""
    help: bool = False
    version: bool = False
    addresses: tuple[str, ...] = ()


# Letters that take a value, attached or as the next word.
_WITH_VALUE = frozenset("ABbCDeFfhLMNOopRrVX")
# Letters whose value, if any, is attached.
_MAYBE_ATTACHED = frozenset("dqQ")

_PROGRAM_MODES = {"mailq": Mode.QUEUE, "newaliases": Mode.ALIASES, "smtpd": Mode.DAEMON}
_NOTIFY_WORDS = frozenset({"SUCCESS", "FAILURE", "DELAY"})
_UNSUPPORTED_MODES = {
    "h": "host status: use `posthouse queue list --group-by host`",
    "H": "purging host status: use `posthouse queue retry`",
    "a": "ARPANET mode",
}


def read_command_line(program: str, arguments: Sequence[str]) -> Options:
    """Read a command line.  Raises MalformedError with a sentence for the user."""
    options = Options(mode=_PROGRAM_MODES.get(program, Mode.DELIVER))
    words = list(arguments)
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            break
        if word == "--users" and words:
            options.users = words.pop(0)
        elif word.startswith("--"):
            _long_option(options, word)
        else:
            _cluster(options, word[1:], words)
    options.addresses = tuple(words)
    return options


def _long_option(options: Options, word: str) -> None:
    if word == "--help":
        options.help = True
    elif word == "--version":
        options.version = True
    elif word.startswith("--users="):
        options.users = word.removeprefix("--users=")
    else:
        raise MalformedError(f"unknown option {word}; try --help")


def _cluster(options: Options, letters: str, words: list[str]) -> None:
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter in _WITH_VALUE:
            if not letters and not words:
                raise MalformedError(f"option -{letter} needs a value")
            _set_value(options, letter, letters or words.pop(0))
            return
        if letter in _MAYBE_ATTACHED:
            if letter == "q":
                options.queue_run = _queue_run(letters)
            elif letter == "d":
                options.debugging = letters
            elif letter == "Q":
                options.quarantine = letters
            return
        _set_flag(options, letter)


def _set_flag(options: Options, letter: str) -> None:
    if letter == "t":
        options.from_header = True
    elif letter == "i":
        options.ignore_dots = True
    elif letter == "v":
        options.verbose = True
    elif letter == "I":
        options.mode = Mode.ALIASES
    elif letter == "n":
        options.no_aliases = True
    # Everything else (-m -s -c -G -U -T -x -E ...) had a meaning once, or for
    # another MTA; here it changes nothing.


def _set_value(options: Options, letter: str, value: str) -> None:
    setter = {
        "b": _set_mode,
        "f": _set_sender,
        "r": _set_sender,
        "N": _set_notify,
        "R": _set_return,
        "V": _set_envid,
        "B": _set_body,
        "o": _set_letter_option,
        "O": _set_named_option,
    }.get(letter)
    if setter is not None:
        setter(options, value)
    elif letter == "F":
        options.full_name = value
    elif letter == "C":
        options.site = value
    elif letter == "e":
        options.error_mode = value[:1]
        options.settings += (f"e{value[:1]}",)
    elif letter == "h":
        options.hops = value
    elif letter == "p":
        options.protocol = value


def _set_mode(options: Options, value: str) -> None:
    if value in _UNSUPPORTED_MODES:
        raise MalformedError(f"-b{value} is not available here ({_UNSUPPORTED_MODES[value]})")
    try:
        options.mode = Mode(value)
    except ValueError:
        raise MalformedError(f"unknown mode -b{value}") from None


def _set_sender(options: Options, value: str) -> None:
    sender = "" if value == "<>" else value
    if options.sender is not None and options.sender != sender:
        raise MalformedError('More than one "from" person')
    options.sender = sender


def _set_notify(options: Options, value: str) -> None:
    words = [word.strip().upper() for word in value.split(",")]
    if words != ["NEVER"] and not (words and _NOTIFY_WORDS.issuperset(words)):
        raise MalformedError(f"-N {value}: must be `never`, or some of `failure`, `delay`, `success` with commas")
    options.notify = ",".join(words)


def _set_return(options: Options, value: str) -> None:
    if value.lower() not in {"full", "hdrs"}:
        raise MalformedError(f"-R {value}: must be `full` or `hdrs`")
    options.ret = value.upper()


def _set_envid(options: Options, value: str) -> None:
    # RFC 3461 section 4.4: at most 100 characters; sendmail has always taken it as xtext.
    from posthouse.mail.xtext import is_xtext

    if not 0 < len(value) <= 100 or not is_xtext(value):
        raise MalformedError("-V: the envelope id must be at most 100 characters of xtext (RFC 3461)")
    options.envid = value


def _set_body(options: Options, value: str) -> None:
    if value.upper() not in {"7BIT", "8BITMIME"}:
        raise MalformedError(f"-B {value}: must be `7BIT` or `8BITMIME`")
    options.body = value.upper()


def _set_letter_option(options: Options, value: str) -> None:
    options.settings += (value,)
    if value[:1] == "i" and value[1:2].lower() not in {"f", "0"}:
        options.ignore_dots = True
    elif value[:1] == "e":
        options.error_mode = value[1:2]


def _set_named_option(options: Options, value: str) -> None:
    options.settings += (f" {value}",)
    name, _, setting = value.partition("=")
    name = name.strip().lower()
    if name == "ignoredots":
        options.ignore_dots = setting.strip().lower() not in {"false", "f", "no", "0"}
    elif name == "errormode":
        options.error_mode = setting.strip()[:1]


def _queue_run(value: str) -> QueueRun:
    selector = value[:1]
    if selector == "Q":
        return QueueRun(selector)
    if selector not in {"I", "R", "S"}:
        # -q, -qf, -qp and -q15m: intervals are the retry schedule's business.
        return QueueRun()
    is_negated = value[1:2] == "!"
    return QueueRun(selector, value[2:] if is_negated else value[1:], is_negated)
