"""DNS as mail needs it, with a small cache.  RFC 5321 section 5.1, RFC 7505.

The rule kept: "DNS cannot answer" is a deferral and never "no such domain".
Nothing blocks the event loop; what many deliveries ask at once goes out once.

Known limits: DNSSEC is not looked at.  The machine's hosts file is asked after
DNS, not before; ``localhost`` is answered without either (RFC 6761 section 6.3).
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from itertools import chain, zip_longest
from pathlib import Path

from posthouse.adapters.dns_questions import NEGATIVE_TTL, DnsClient, Found, ascii_name
from posthouse.adapters.hosts_file import read_addresses
from posthouse.mail.errors import MalformedError
from posthouse.mail.outcome import deferred, failed
from posthouse.ports import Clock, MailHosts, MxHost

MOST_CACHED = 10_000  # answers; a few hundred octets each
_LONGEST_TTL = 3600.0  # seconds; a domain that moves must not wait for a day
_MOST_HOSTS = 20  # of one domain, by preference
_MOST_ADDRESSES = 20  # of one host
_LOCALHOST = ("127.0.0.1", "::1")
HOSTS_FILE = Path("/etc/hosts")

_Answer = tuple[MailHosts, float]  # with its time to live in seconds; 0: not kept


class DnsResolver:
    """Port Resolver over the site's name servers, or the system's when none are given."""

    def __init__(
        self, nameservers: Sequence[str], clock: Clock, *, timeout: timedelta, hosts_file: Path = HOSTS_FILE
    ) -> None:
        self._clock = clock
        self._client = DnsClient(nameservers, timeout.total_seconds())
        self._hosts_file = hosts_file
        self._cache: dict[tuple[str, str], tuple[float, MailHosts]] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[MailHosts]] = {}

    async def mail_hosts(self, domain: str) -> MailHosts:
        """Resolve a mail domain to its hosts."""
        return await self._cached("mail", domain, self._ask_mail_hosts)

    async def addresses(self, host: str) -> MailHosts:
        """Resolve one host name without MX."""
        return await self._cached("host", host, self._ask_host)

    # The cache.

    async def _cached(self, what: str, domain: str, ask: Callable[[str], Coroutine[None, None, _Answer]]) -> MailHosts:
        try:
            name = ascii_name(domain)
        except MalformedError as error:
            return MailHosts(failure=failed(str(error), status="5.1.2"))
        key = (what, name)
        kept = self._cache.get(key)
        if kept is not None and self._clock.monotonic() < kept[0]:
            return kept[1]
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask_and_keep(key, ask))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)  # one delivery that is cancelled must not stop the others

    async def _ask_and_keep(
        self, key: tuple[str, str], ask: Callable[[str], Coroutine[None, None, _Answer]]
    ) -> MailHosts:
        answer, ttl = await ask(key[1])
        self._cache.pop(key, None)  # so that it goes to the end of the line
        if ttl > 0:
            while len(self._cache) >= MOST_CACHED:
                del self._cache[next(iter(self._cache))]  # the oldest
            self._cache[key] = (self._clock.monotonic() + min(ttl, _LONGEST_TTL), answer)
        return answer

    # The questions.

    async def _ask_mail_hosts(self, domain: str) -> _Answer:
        if _is_localhost(domain):
            return await self._ask_host(domain)
        found = await self._client.ask(domain, "MX")
        if not found.records:
            # RFC 5321 section 5.1: without MX, the domain's own addresses count as one of preference 0.
            return await self._from_hosts_file(domain, found) if _is_final(found) else await self._ask_host(domain)
        listed = sorted(_read_mx(record) for record in found.records)
        if {name for _, name in listed} == {""}:
            null = failed(f"{domain} takes no mail (null MX)", status="5.1.10")  # RFC 7505 section 4.2
            return MailHosts(failure=null, steps=(f"MX {listed[0][0]} .",)), found.ttl
        return await self._with_addresses(domain, [one for one in listed if one[1]][:_MOST_HOSTS], found.ttl)

    async def _with_addresses(self, domain: str, listed: Sequence[tuple[int, str]], ttl: float) -> _Answer:
        answers = await asyncio.gather(*(self._ask_addresses(name) for _, name in listed))
        steps = tuple(
            f"MX {preference} {name} {_described(found)}"
            for (preference, name), found in zip(listed, answers, strict=True)
        )
        ttl = min([ttl, *(found.ttl for found in answers)])
        hosts = tuple(
            MxHost(name, preference, found.records)
            for (preference, name), found in zip(listed, answers, strict=True)
            if found.records
        )
        if hosts:
            return MailHosts(hosts, steps=steps), ttl
        if any(found.trouble for found in answers):
            return MailHosts(
                failure=deferred(f"DNS cannot resolve the MX hosts of {domain}", status="4.4.3"), steps=steps
            ), 0
        return MailHosts(failure=failed(f"no MX host of {domain} has an address", status="5.4.4"), steps=steps), ttl

    async def _ask_host(self, host: str) -> _Answer:
        if _is_localhost(host):
            return _one_host(host, Found(_LOCALHOST, _LONGEST_TTL))
        found = await self._ask_addresses(host)
        return _one_host(host, found) if found.records else await self._from_hosts_file(host, found)

    async def _ask_addresses(self, host: str) -> Found:
        six, four = await asyncio.gather(self._client.ask(host, "AAAA"), self._client.ask(host, "A"))
        pairs = zip_longest(six.records, four.records)
        records = tuple(address for address in chain.from_iterable(pairs) if address)[:_MOST_ADDRESSES]
        if records:
            return Found(records, min(found.ttl for found in (six, four) if found.records))
        return Found(missing=six.missing and four.missing, trouble=six.trouble or four.trouble)

    async def _from_hosts_file(self, host: str, found: Found) -> _Answer:
        """Ask the machine's own table, and only then believe what DNS said."""
        addresses = await asyncio.to_thread(read_addresses, self._hosts_file, host)
        if addresses:
            return _one_host(host, Found(addresses))
        if found.trouble:
            return MailHosts(failure=deferred(f"DNS cannot resolve {host}: {found.trouble}", status="4.4.3")), 0
        reason = f"{host} does not exist" if found.missing else f"{host} has neither mail hosts nor addresses"
        return MailHosts(failure=failed(reason, status="5.1.2"), steps=(reason,)), NEGATIVE_TTL


def _is_localhost(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")


def _is_final(found: Found) -> bool:
    return found.missing or bool(found.trouble)


def _read_mx(record: str) -> tuple[int, str]:
    preference, _, name = record.partition(" ")
    return int(preference), name.removesuffix(".").lower()


def _described(found: Found) -> str:
    return f"({', '.join(found.records)})" if found.records else f"({found.trouble or 'no address'})"


def _one_host(host: str, found: Found) -> _Answer:
    return MailHosts((MxHost(host, 0, found.records),), steps=(f"{host} {_described(found)}",)), found.ttl
