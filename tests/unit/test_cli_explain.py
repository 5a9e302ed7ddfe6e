"""What explain says of the hosts of a domain: what the smtp channel would do with them."""

import asyncio
from pathlib import Path as FilePath

import pytest

from posthouse.adapters.resolver_memory import MemoryResolver
from posthouse.cli.explain.address import Explainer
from posthouse.cli.explain.text import as_text, as_values
from posthouse.mail.address import Address, Path
from posthouse.ports import MxHost
from posthouse.site.model import Listener
from support.reception import small_site

US = MxHost("mx.example.org", 10, ("192.0.2.1",))
ALSO_US = MxHost("other-name.example", 10, ("192.0.2.25",))
BETTER = MxHost("mx.better.example", 5, ("192.0.2.2",))
WORSE = MxHost("mx.worse.example", 20, ("192.0.2.3",))
LOOP = "would fail: 5.4.6 mail for there.example loops back to us"


def explained(home: FilePath, *hosts: MxHost):
    site = small_site(home, listeners=(Listener("192.0.2.25:25"),))
    explainer = Explainer(site, MemoryResolver({"there.example": hosts}))
    return asyncio.run(explainer.explain(Address("ann", "there.example"), Path(None)))


@pytest.mark.parametrize(
    ("hosts", "tried", "loops"),
    [
        pytest.param([US], [], True, id="by name"),
        pytest.param([ALSO_US, WORSE], [], True, id="by address"),
        pytest.param([BETTER, US, WORSE], ["mx.better.example"], False, id="with a better one"),
        pytest.param([BETTER, WORSE], ["mx.better.example", "mx.worse.example"], False, id="not among them"),
    ],
)
def test_explain_says_that_mail_would_loop_back_to_us(tmp_path, hosts, tried, loops):
    explanation = explained(tmp_path, *hosts)

    lines = [line.strip() for line in as_text(explanation, tmp_path, 120)]
    [route] = as_values(explanation)["routes"]
    assert (LOOP in lines) is loops
    assert sum("not tried" in line for line in lines) == len(hosts) - len(tried)
    assert [host["name"] for host in route["hosts"] if host["tried"]] == tried
    assert route["failure"] == (LOOP.removeprefix("would fail: ") if loops else None)
    assert route["dns_failure"] is None
