"""The Received field as the H line of a sendmail.cf has it.

Its flags say which mailers get it, and nobody knows yet which these will be: it is written for all of them, since a
message that loops must be seen to loop.
"""

from __future__ import annotations  # so that the declarations are imported by the type checker alone

import re
from typing import TYPE_CHECKING, Final

from posthouse.mail.received import ReceivedField, compose_received
from posthouse.mailers.names import time_macros
from posthouse.rewriting.macros import expand
from posthouse.rewriting.tokens import fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthouse.site.cf.declared import CfConfiguration
    from posthouse.submit.client import Client

_NAME: Final = "received"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MOST_OCTETS: Final = 4096


def trace_of(configuration: CfConfiguration, macros: Mapping[str, str], said: ReceivedField, client: Client) -> bytes:
    """Return the field with its line end, CRLF; ``macros`` are those of the message."""
    template = next((one.template for one in configuration.headers if fold(one.name) == _NAME), None)
    if template is None:
        return compose_received(said)
    recipient = said.recipient if client.local_submission or not said.recipient else f"<{said.recipient}>"
    values = {**macros, **time_macros(said.at), "i": said.id, "g": macros.get("f", ""), "u": _octets(recipient)}
    text = _CONTROL.sub("?", expand(template, values).replace("\r", ""))[:_MOST_OCTETS]
    lines = [line.rstrip() for line in text.split("\n")]
    # A line that does not begin with a blank would be a field of its own; an empty one would end the header.
    folded = [line if line[:1] in (" ", "\t") else f"\t{line}" for line in lines[1:] if line.strip()]
    return "\r\n".join([f"Received: {lines[0].strip()}", *folded, ""]).encode("latin-1", "replace")


def _octets(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
