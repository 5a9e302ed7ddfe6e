"""``sendmail -bs``: SMTP on standard input and output.

With the daemon up its submission socket is joined to our two ends; without it the same
session and intake run here.
"""

import os
import selectors
import socket

from posthouse.cli.classic.smtp_pipe import CHUNK, STDIN, blames_the_rules, converse, write_all
from posthouse.cli.submission.people import login_name
from posthouse.cli.submission.submit_direct import local_client, open_intake
from posthouse.cli.submission.submit_socket import DaemonDownError, connect
from posthouse.mail.reply import Reply
from posthouse.site.model import Site
from posthouse.smtp.server import (
    DataAsked,
    ExpandAsked,
    MailGiven,
    RcptGiven,
    ServerEvent,
    TextChunk,
    TextEnded,
    TextRefused,
    TransactionReset,
    VerifyAsked,
)
from posthouse.smtp.server_events import QueueAsked
from posthouse.submit.eager import run
from posthouse.submit.intake import Intake
from posthouse.submit.replies import queue_not_started
from posthouse.submit.transaction import Transaction
from posthouse.wiring.accepting import open_session
from posthouse.wiring.site_file import SUBMIT_SOCKET


def serve_stdin(site: Site) -> int:
    """Talk SMTP with whoever started us until they quit or leave."""
    if site.cf is not None:
        return StdinSession(site, open_intake(site)).serve()  # in sendmail's words, which our socket does not speak
    try:
        connection = connect(site.run / SUBMIT_SOCKET)
    except DaemonDownError:
        return StdinSession(site, open_intake(site)).serve()
    with connection:
        join(connection)
    return os.EX_OK


def join(connection: socket.socket) -> None:
    """Pass octets both ways until the daemon closes."""
    connection.settimeout(None)
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        try:
            selector.register(STDIN, selectors.EVENT_READ)
        except PermissionError:
            # A plain file cannot be waited for: all of it is there.
            while wire := os.read(STDIN, CHUNK):
                connection.sendall(wire)
            connection.shutdown(socket.SHUT_WR)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if connection in ready and not _pass_back(connection):
                return
            if STDIN in ready and not _pass_on(connection):
                selector.unregister(STDIN)


def _pass_back(connection: socket.socket) -> bool:
    """Pass on what the daemon says; False when it has closed."""
    wire = connection.recv(CHUNK)
    write_all(wire)
    return bool(wire)


def _pass_on(connection: socket.socket) -> bool:
    """Pass on what we are told; False at its end, of which the daemon then knows."""
    wire = os.read(STDIN, CHUNK)
    if wire:
        connection.sendall(wire)
    else:
        connection.shutdown(socket.SHUT_WR)
    return bool(wire)


class StdinSession:
    """A session without the daemon: blocking reads, coroutines run to their end."""

    def __init__(self, site: Site, intake: Intake) -> None:
        self._session = open_session(site, user=login_name())
        self._intake = intake
        self._client = local_client(site)
        self._transaction: Transaction | None = None
        self._code = os.EX_OK

    def serve(self) -> int:
        """Serve until QUIT or the end of the input; return the exit code: 70 when rules made no sense of an address."""
        try:
            converse(self._session, self._answer)
        finally:
            self._drop()
        return self._code

    def _answer(self, event: ServerEvent) -> Reply | None:
        answer = self._act(event)
        if blames_the_rules(answer):
            self._code = os.EX_SOFTWARE
        return answer

    def _act(self, event: ServerEvent) -> Reply | None:
        """Do what an event asks for; return the answer to one that waits."""
        match event:
            case MailGiven(path, parameters):
                self._drop()
                self._transaction = self._intake.begin(self._client)
                return run(self._transaction.sender(path, parameters))
            case VerifyAsked(argument):
                return run(self._intake.verify(argument, self._client))
            case ExpandAsked(argument):
                return run(self._intake.expand(argument, self._client))
            case TransactionReset() | TextRefused():
                self._drop()
                return None
            case QueueAsked(node):  # whoever may not run the queue by hand may not have it run
                return queue_not_started(node)
        if self._transaction is None:
            return None
        return self._act_in(self._transaction, event)

    def _act_in(self, transaction: Transaction, event: ServerEvent) -> Reply | None:
        match event:
            case RcptGiven(path, parameters):
                return run(transaction.recipient(path, parameters))
            case DataAsked():
                return run(transaction.start_text())
            case TextChunk(text):
                run(transaction.write(text))
                return None
            case TextEnded(_, last):
                answer = run(transaction.finish(last))
                self._transaction = None
                return answer
        return None

    def _drop(self) -> None:
        if self._transaction is not None:
            run(self._transaction.abandon())
            self._transaction = None
