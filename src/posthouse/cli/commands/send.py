"""``posthouse send``: a quick message, by the way that sendmail takes."""

import os
import sys
from pathlib import Path

import click

from posthouse.cli.classic.command_line import Options
from posthouse.cli.errors import CommandError
from posthouse.cli.options import json_option, print_json, site_option
from posthouse.cli.site_access import read_site_file
from posthouse.cli.submission.deliver_stdin import hand_over, mail_parameters, report_refused
from posthouse.cli.submission.handover import HandoverError, Letter, refusal_code
from posthouse.cli.submission.people import login_address, read_address, read_reverse_path
from posthouse.mail.address import Address


@click.command()
@click.option("--from", "sender", metavar="ADDRESS", help="Reverse-path and From; <> for none. Default: you.")
@click.option("--to", "to", multiple=True, required=True, metavar="ADDRESS", help="Recipient; may be repeated.")
@click.option("--subject", default="", help="Subject.")
@click.option("--body", default="", help="The text; - reads it from standard input.")
@json_option
@site_option
def send(site_file: Path, sender: str | None, to: tuple[str, ...], subject: str, body: str, as_json: bool) -> int:
    """Send a quick message.

    Example: posthouse send --to someone@example.org --subject Test --body 'Does it arrive?'
    """
    site = read_site_file(site_file)
    reverse_path = read_reverse_path(site, sender)
    recipients = tuple(dict.fromkeys(read_address(site, address, "--to") for address in to))
    author = reverse_path.address or login_address(site)
    most = site.limits.text_octets
    text = sys.stdin.buffer.read(most + 1) if body == "-" else body.encode("utf-8", "surrogateescape")
    if len(text) > most:
        raise CommandError(f"the message is larger than {most} octets", os.EX_DATAERR)
    whole = compose(author, recipients, subject, text)
    mail = mail_parameters(Options(), reverse_path, recipients, is_ascii=whole.isascii())
    letter = Letter(reverse_path=reverse_path, recipients=recipients, text=iter((whole,)), mail=mail)
    try:
        handover = hand_over(site, letter)
    except HandoverError as error:
        report_refused(error.refused, quiet=False)
        raise
    report_refused(handover.refused, quiet=False)
    if as_json:
        refused = [{"recipient": str(one.recipient), "reply": str(one.reply)} for one in handover.refused]
        print_json({"reply": str(handover.reply), "refused": refused})
    else:
        click.echo(f"Accepted: {handover.reply}")
    return refusal_code(handover.refused) if handover.refused else os.EX_OK


def compose(author: Address, recipients: tuple[Address, ...], subject: str, body: bytes) -> bytes:
    """Return the message.  Date and Message-ID are added by submit, as for every local message."""
    fields = [f"From: <{author}>", "To: " + ",\r\n ".join(f"<{recipient}>" for recipient in recipients)]
    if subject:
        fields.append(f"Subject: {_encoded(' '.join(subject.split()))}")
    fields.append("MIME-Version: 1.0")
    fields.append(f"Content-Type: text/plain; charset={'us-ascii' if body.isascii() else 'utf-8'}")
    fields.append(f"Content-Transfer-Encoding: {'7bit' if body.isascii() else '8bit'}")
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").replace(b"\n", b"\r\n")
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + lines + b"\r\n"


def _encoded(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    from email.header import Header

    return Header(text, "utf-8").encode(linesep="\r\n")
