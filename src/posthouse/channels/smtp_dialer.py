"""Opens connections: connect, greeting, EHLO, and TLS as the channel wants it.

A peer that cannot be reached or does not serve us is an Outcome, not an
exception: the channel goes on to the next address.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from functools import cache
from ipaddress import ip_address

from msgspec import Struct

from posthouse.channels.mail_exchangers import Target
from posthouse.channels.smtp_connection import Connection
from posthouse.channels.smtp_outcome import outcome_of_reply
from posthouse.mail.limits import Timeouts
from posthouse.mail.outcome import Disposition, Outcome, deferred
from posthouse.site.model import TlsUse
from posthouse.smtp.client import (
    Awaiting,
    ClientSession,
    Closed,
    ConnectionLost,
    Dialect,
    Ready,
    SessionRefused,
    TlsReady,
    TlsRefused,
)
from posthouse.smtp.reply import ProtocolError


class DialSettings(Struct, frozen=True):
    """What is the same for every connection of a channel."""

    name: str  # HELO
    timeouts: Timeouts
    dialect: Dialect = Dialect.SMTP
    tls: TlsUse = TlsUse.MAY
    source_address: str = ""


@cache
def unverified_context() -> ssl.SSLContext:
    """Encrypt without asking who it is: better than not at all (RFC 7435).

    One for all, made for the first handshake: with it the process grows by 2 MiB.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Dialer:
    """Opens connections with one channel's settings; ``dismiss`` ends those that are of no use."""

    def __init__(self, settings: DialSettings, dismiss: Callable[[Connection], None]) -> None:
        self._settings = settings
        self._dismiss = dismiss

    async def open(self, target: Target) -> Connection | Outcome:
        """Return a connection on which a transaction may begin, or why there is none."""
        # A Unix socket never leaves the machine: encrypting it would protect nothing.
        if self._settings.tls is TlsUse.NEVER or not target.port:
            return await self._dial(target, encrypt=False)
        try:
            return await self._dial(target, encrypt=True)
        except (OSError, ProtocolError) as error:
            if self._settings.tls is TlsUse.MUST:
                return _refusal(target, f"TLS handshake failed: {_reason(error)}", "4.7.5")
        # RFC 7435: what fails under encryption is tried once without it.
        return await self._dial(target, encrypt=False)

    async def _dial(self, target: Target, *, encrypt: bool) -> Connection | Outcome:
        """Raises OSError or ProtocolError only for a TLS handshake that failed."""
        connection = Connection(
            ClientSession(self._settings.name, self._settings.dialect), target, self._settings.timeouts
        )
        try:
            async with asyncio.timeout(self._settings.timeouts.connect.total_seconds()):
                await self._connect(connection, target)
        except TimeoutError:
            return _refusal(target, "connection timed out", "4.4.1")
        except OSError as error:
            return _refusal(target, f"cannot connect: {_reason(error)}", "4.4.1")
        try:
            refusal = await self._introduce(connection)
            if refusal is None and encrypt:
                refusal = await self._encrypt(connection)
        except BaseException:
            connection.abort()
            raise
        if refusal is None:
            return connection
        self._dismiss(connection)
        return refusal

    def _connect(self, connection: Connection, target: Target) -> Awaitable[object]:
        loop = asyncio.get_running_loop()
        if not target.port:
            return loop.create_unix_connection(lambda: connection, target.address)
        source = self._settings.source_address
        fits = source and ip_address(source).version == ip_address(target.address).version
        local = (source, 0) if fits else None
        return loop.create_connection(lambda: connection, target.address, target.port, local_addr=local)

    async def _introduce(self, connection: Connection) -> Outcome | None:
        target = connection.target
        match event := await connection.event():
            case Ready():
                return None
            case SessionRefused(reply=reply, command=command):
                return _not_served(outcome_of_reply(reply, command, target.host), command)
            case ConnectionLost():
                return _refusal(target, connection.trouble or "connection closed before the reply to EHLO", "4.4.2")
            case Closed():
                return _refusal(target, "the peer closes the connection", "4.4.2")
            case _:
                raise RuntimeError(f"{event!r} before a session is ready")

    async def _encrypt(self, connection: Connection) -> Outcome | None:
        target, session = connection.target, connection.session
        must = self._settings.tls is TlsUse.MUST
        if not session.offers_starttls:
            return _refusal(target, "TLS is required, but not offered", "4.7.4") if must else None
        session.start_tls()
        match event := await connection.event():
            case TlsReady():
                await connection.start_tls(unverified_context(), _server_name(target))
                return await self._introduce(connection)
            case TlsRefused(reply=reply) if must:
                return _refusal(target, f"TLS is required, but refused: {reply}", "4.7.4")
            case TlsRefused():
                return None
            case ConnectionLost() | Closed():
                raise ConnectionResetError(connection.trouble or "connection lost at STARTTLS")
            case _:
                raise RuntimeError(f"{event!r} after STARTTLS")


def _refusal(target: Target, diagnostic: str, status: str) -> Outcome:
    return deferred(f"{_named(target)}: {diagnostic}", status=status, remote=target.host)


def _not_served(outcome: Outcome, command: Awaiting) -> Outcome:
    """A 5yz greeting speaks for one host, not for the recipients: deferred, as Postfix does by default.

    The next host is tried; mail bounces only when the refusal outlasts the queue's patience.
    """
    if command is Awaiting.GREETING and outcome.disposition is Disposition.FAILED:
        status = f"4.{outcome.status.subject}.{outcome.status.detail}"
        return deferred(outcome.diagnostic, status=status, remote=outcome.remote, code=outcome.code)
    return outcome


def _named(target: Target) -> str:
    return target.address if target.host == target.address else f"{target.host}[{target.address}]"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _server_name(target: Target) -> str | None:
    """Return the name for SNI, which is never an address (RFC 6066 section 3)."""
    try:
        ip_address(target.host)
    except ValueError:
        return target.host if target.port else None
    return None
