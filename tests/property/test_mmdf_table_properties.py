"""Any tables, cyclic ones among them: every address has an answer, after bounded work."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.lookup import NOT_FOUND, Answer, Lookup
from posthouse.routing.mmdf.authorization import Submitter
from posthouse.routing.mmdf.compiled import compile_mmdf
from posthouse.routing.mmdf.resolve import AddressCheck
from posthouse.site.tailor.model import Compatibility
from posthouse.site.tailor.reader import parse_tailor

TAILOR = """
MLNAME "here"
MLDOMAIN "a"
MTBL top, flags=route, flags=partial
MTBL inner, flags=route, flags=partial
MTBL aliases
ALIAS table=aliases, trusted
MDMN inner, dmn=a, table=inner
MDMN "", dmn="", table=top
MCHN local, tbl=names, ap=822
MCHN net, tbl=hosts, ap=jnt, auth=outblock, outdest=control
MCHN badusers, tbl=hosts, host=b
"""
ROUTINGS = [compile_mmdf(parse_tailor(TAILOR, Path("mmdftailor"), one), one) for one in Compatibility]
WORDS = st.sampled_from(["a", "b", "c", "a.b", "b.a", "here", "here.a", "net#", "joe", "a.b.c"])
ADDRESSES = st.builds(
    "".join, st.lists(st.one_of(WORDS, st.sampled_from(["@", "%", "!", ",", "|", "=", "<", ":"])), max_size=9)
)
VALUES = st.one_of(st.lists(WORDS, max_size=3).map(" ".join), ADDRESSES, st.just("GONE"))
TABLES = st.dictionaries(
    st.sampled_from(["top", "inner", "aliases", "names", "hosts", "control", "login-names", ":include:"]),
    st.dictionaries(WORDS, VALUES, max_size=6),
)
MOST_QUESTIONS = 200_000


def answer_of(tables, lookup):
    value = tables.get(lookup.table, {}).get(lookup.key.lower())
    if value == "GONE":
        return Answer(unavailable="it is gone")
    return NOT_FOUND if value is None else Answer((value,))


@given(st.sampled_from(ROUTINGS), TABLES, ADDRESSES)
def test_every_address_has_an_answer_and_a_deferred_one_queues_nothing(routing, tables, address):
    steps = AddressCheck(routing, Submitter("root")).check(address)
    answer, questions = None, 0
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            checked = end.value
            break
        answer = answer_of(tables, step) if isinstance(step, Lookup) else None
        questions += 1
        assert questions < MOST_QUESTIONS

    assert len(checked.replies) <= 1
    if any(reply.code.is_deferred for reply in checked.replies):
        assert checked.queued == ()
    for one in checked.queued:
        assert "\n" not in one.line
