"""What the recipients of one message may cost."""

import pytest

from posthouse.smtp.parameters import NO_RCPT_PARAMETERS
from support.routing_rig import STRANGER, Rig, path, run
from support.routing_sites import limits

LISTS = {f"l{n}": ",".join(f"x{m}@far.example" for m in range(60)) for n in range(3)}


def answers(*recipients):
    rig = Rig({"limits": limits(recipients=100, alias_width=120)}, {"aliases": LISTS})

    async def dialog():
        transaction = await rig.begun(STRANGER)
        return [(await transaction.recipient(path(one), NO_RCPT_PARAMETERS)).code for one in recipients]

    return run(dialog())


def test_the_same_recipient_again_is_accepted_and_costs_nothing():
    assert answers("l0", "l0", "l0", "l1") == [250, 250, 250, 250]


@pytest.mark.parametrize(
    "recipients",
    [
        pytest.param(("l0", "l1", "l2"), id="lists of the same members"),
        pytest.param(("l0", "L0", "l0@EXAMPLE.org"), id="one list in several spellings"),
    ],
)
def test_what_recipients_expand_to_is_counted_with_the_duplicates(recipients):
    assert answers(*recipients) == [250, 250, 452]
