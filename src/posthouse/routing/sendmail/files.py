"""Programs, files and lists of addresses as recipients, and users' own ``.forward`` files.

The rule: only an alias or such a file may name them, and then what its owner could have done himself is done in his
name.  A file that others could have written names no programs and no files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from posthouse.mail.account import Account
from posthouse.mail.address_file import AddressFile
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.macros import expand
from posthouse.routing.sendmail.addressee import Addressee, State
from posthouse.routing.sendmail.questions import (
    LoginsUnavailable,
    Steps,
    ask_forward,
    ask_include,
    ask_login,
    ask_number,
    ask_shell,
)

if TYPE_CHECKING:
    from posthouse.routing.sendmail.expansion import Expansion

_SHOWN: Final = 203  # octets of a file name in a message
_NOT_ALLOWED: Final = "5.7.1"


def check_program(expansion: Expansion, one: Addressee) -> None:
    """Refuse a program that may not be run."""
    _check(expansion, one, "programs")


def check_file(expansion: Expansion, one: Addressee) -> None:
    """Refuse a file that may not be written."""
    _check(expansion, one, "files")


def _check(expansion: Expansion, one: Addressee, what: str) -> None:
    parent = one.alias
    if parent is None:
        text = f"Cannot mail directly to {what}"
    elif parent.has_no_shell and not parent.login:
        text = f"UID {parent.uid} is an unknown user: cannot mail to {what}"
    elif parent.has_no_shell:
        host = expansion.routing.host_name
        text = f"User {parent.login}@{host} doesn't have a valid shell for mailing to {what}"
    elif parent.is_unsafe:
        text = f"Address {parent.written} is unsafe for mailing to {what}"
    else:
        return
    expansion.refuse(one, Complaint(text, "550", _NOT_ALLOWED, one.written))


def include(expansion: Expansion, one: Addressee, depth: int) -> Steps[None]:
    """Take up the members of an ``:include:`` file."""
    if one.alias is None:
        expansion.refuse(one, Complaint("Cannot mail directly to :include:s", "550", _NOT_ALLOWED, one.written))
        return
    one.state = State.INCLUDED
    controller = one.controller
    reader = yield from _reader(expansion, controller)
    read = yield from ask_include(one.user, reader)
    if read.error:
        text = f"Cannot open {one.user[:_SHOWN]}: {read.error}"
        if read.is_temporary:
            expansion.complain(Complaint(text, "451", "4.2.4", one.written))
            expansion.defer(one, f"451 4.2.4 {text}")
        else:
            expansion.refuse(one, Complaint(text, "550", "5.2.4", one.written))
        return
    expansion.remark(f"including file {one.user}", one)
    one.is_unsafe = not read.is_safe
    yield from _take_over_owner(one, read, controller)
    yield from _read_lines(expansion, one, read, depth, "sending")


def _reader(expansion: Expansion, controller: Addressee | None) -> Steps[Account]:
    """Return in whose right a list is read: the controller's, or the default user's."""
    if controller is not None and controller.uid > 0:
        return Account(controller.login, controller.uid, controller.gid, home=controller.home)
    routing = expansion.routing
    name = routing.default_user
    found = yield from (ask_number(int(name)) if name.isdecimal() else ask_login(name))
    group = int(routing.default_group) if routing.default_group.isdecimal() else None
    if isinstance(found, Account):
        return Account(found.login, found.uid, found.gid if group is None else group)
    uid = int(name) if name.isdecimal() else 1
    return Account("", uid, uid if group is None else group)


def _take_over_owner(one: Addressee, read: AddressFile, controller: Addressee | None) -> Steps[None]:
    """Do what the file names in the name of its owner, unless a user's own file led to it."""
    if controller is None:
        one.uid, one.gid = read.uid, read.gid
    elif controller.uid == read.uid:
        one.has_no_shell, one.login = controller.has_no_shell, controller.login
        return
    owner = yield from ask_number(read.uid)
    if owner is None or isinstance(owner, LoginsUnavailable):
        one.has_no_shell = True
        return
    one.login, one.home = owner.login, owner.home
    one.has_no_shell = not (yield from ask_shell(owner.shell))


def forward(expansion: Expansion, one: Addressee, account: Account, depth: int) -> Steps[None]:
    """Take up what a user's ``.forward`` file names in his stead."""
    macros = {**expansion.environment.macros, "z": one.home, "u": one.user, "h": one.host or ""}
    paths = tuple(path for path in (expand(one, macros) for one in expansion.routing.forward_paths) if path)
    if not paths or not account.home:
        return
    read = yield from ask_forward(paths, account)
    if read is None:
        return
    if read.error:
        if read.is_temporary:
            expansion.defer(one, f"{read.path}: {read.error}: message queued")
        return
    one.is_unsafe = not read.is_safe
    yield from _read_lines(expansion, one, read, depth, "forwarding", expansion.routing.most_forward_entries)


def _read_lines(
    expansion: Expansion, one: Addressee, read: AddressFile, depth: int, doing: str, most: int = 0
) -> Steps[None]:
    """Take up the addresses of a file; ``most`` of them, 0 for any number."""
    outer, count = expansion.place, 0
    one.refers_to_itself = False
    for number, line in read.lines:
        expansion.place = f"{read.path}: line {number}"
        expansion.remark(f"{doing} to {line}")
        count += len((yield from expansion.send_to_list(line, ",", one, depth + 1)))
        if most and count >= most:
            break
    expansion.place = outer
    if count and not one.refers_to_itself and one.state in (State.OK, State.INCLUDED):
        one.state = State.INCLUDED if one.state is State.INCLUDED else State.DROPPED
