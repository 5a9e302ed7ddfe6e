"""What submit answers, and what it writes to whoever has to mend an alias.  Texts of submit(8)."""

from collections.abc import Sequence

from posthouse.mail.notice import Notice
from posthouse.routing.mmdf.verdict import Code, MmdfReply
from posthouse.site.tailor.model import TailorConfiguration

_BAD_TEXTS = {
    Code.USER: "Unknown user name in",
    Code.BHST: "Unknown host/domain name in",
    Code.FOPN: "Unable to open address file",
}


def unparsed() -> MmdfReply:
    """Refuse what is no address."""
    return MmdfReply(Code.USER, "Unable to parse address")


def reply(code: Code, address: str, refusal: str) -> MmdfReply:
    """Answer an address; every refusal has the code USER, and its reason in brackets."""
    if code is Code.DOK:
        return MmdfReply(code, f'Possibly a nice address "{address}"')
    if not code.is_bad:
        return MmdfReply(Code.AOK, f'Nice address "{address}"')
    if code is Code.NAUTH:
        return MmdfReply(Code.USER, f"(NAUTH) Bad authorization: {refusal}")
    text = _BAD_TEXTS.get(code, "Cannot process address")
    return MmdfReply(Code.USER, f'({code.name}) {text} "{address}"')


def deferred(address: str, *, is_nameserver: bool) -> MmdfReply:
    """Answer that nobody can say now: the address may be tried again."""
    if is_nameserver:
        return MmdfReply(Code.NS, f'(NS) Nameserver Timeout in "{address}"')
    return MmdfReply(Code.FOPN, f'(FOPN) Table unavailable for "{address}"')


def bad_alias(configuration: TailorConfiguration, name: str, value: str, bad: Sequence[str], worst: Code) -> Notice:
    """Tell support of an alias that has bad addresses."""
    text = f"Found bad address in alias '{name}'.\n"
    if worst is Code.NAUTH:
        text += "    (Authorization problem with valid address)\n"
    text += f"The alias was '{value}'.\n\n{_listed(bad, 'alias')}"
    return Notice((configuration.support,), "Bad address in alias", text)


def bad_file(configuration: TailorConfiguration, file: str, bad: Sequence[str]) -> Notice:
    """Tell support of a file that has bad addresses."""
    text = f"Found bad address in the file '{file}'.\n\n{_listed(bad, 'file')}"
    return Notice((configuration.support,), "Bad address in file", text)


def _listed(bad: Sequence[str], what: str) -> str:
    if not bad:
        return ""
    lines = "".join(f"{one}\n" for one in bad)
    return f"There were problems with:\n{lines}\nThe remaining addresses in the {what} were used for submission.\n\n"
