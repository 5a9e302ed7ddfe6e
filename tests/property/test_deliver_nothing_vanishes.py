"""Whatever hosts answer and whenever processes die: nothing vanishes."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from posthouse.deliver.settings import Settings
from posthouse.mail import events
from posthouse.mail.errors import SpoolError
from posthouse.mail.limits import Concurrency, RetryPolicy
from posthouse.mail.outcome import deferred, delivered, failed
from posthouse.mail.queued import Batch
from posthouse.ports import AttemptReport
from support.deliver_world import Post, to

MINUTE = timedelta(minutes=1)
ANSWERS = {
    "taken": AttemptReport((delivered("taken", remote="mx"),)),
    "later": AttemptReport((deferred("later", remote="mx", code=451),)),
    "refused": AttemptReport((failed("refused", remote="mx", code=550),)),
    "away": AttemptReport((deferred("no answer", status="4.4.1"),), reached=False),
}
POLICY = RetryPolicy(
    first_delay=MINUTE, max_delay=8 * MINUTE, expire_after=60 * MINUTE, warn_after=None, dead_host=2 * MINUTE
)
MISHAPS = ("none", "killed", "spool in trouble", "channel broken")


def process(number: int) -> Settings:
    return Settings(
        name="mx.example.org",
        owner=f"d{number}",
        gone=(f"d{number - 1}",),
        retry=POLICY,
        concurrency=Concurrency(attempts=4, per_host_initial=2, per_host=4, recipients_per_attempt=3),
    )


@settings(max_examples=40, deadline=None)
@given(
    messages=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=6),
    answers=st.lists(st.sampled_from(sorted(ANSWERS)), min_size=1, max_size=40),
    mishaps=st.lists(st.sampled_from(MISHAPS), max_size=4),
    is_reachable=st.booleans(),
)
def test_every_recipient_is_delivered_or_somebody_is_told(
    messages: list[list[int]], answers: list[str], mishaps: list[str], is_reachable: bool
):
    """Each accepted recipient is taken by its host, or named in a report or dead letter; the queue ends empty."""
    post = Post(process(1))
    if not is_reachable:
        post.submission.nowhere = {"example.com", "mx.example.org"}
    left, taken = list(answers), set()
    broken = False

    def answer(batch: Batch) -> AttemptReport:
        if broken:
            raise RuntimeError("broken")
        name = left.pop() if left else "refused"
        if batch.message.reverse_path.is_null:
            name = "taken"  # reports arrive, else they would have to be read from the dead letters
        if name == "taken":
            taken.update(str(leased.recipient.address) for leased in batch.recipients)
        report = ANSWERS[name]
        return AttemptReport(report.outcomes * len(batch.recipients), report.reached)

    post.smtp.answer = answer
    sent = set()
    for number, hosts in enumerate(messages):
        names = [f"m{number}r{position}@h{host}.example" for position, host in enumerate(hosts)]
        post.send(*map(to, names))
        sent.update(names)
    post.start()
    for number, mishap in enumerate(mishaps, start=2):
        post.spool.trouble = SpoolError("disk full") if mishap == "spool in trouble" else None
        broken = mishap == "channel broken"
        if mishap == "killed":
            post.run(timedelta(milliseconds=500))
            post.kernel.close()
            post.kernel.spawn(post.another(process(number)).run())
        post.run(3 * MINUTE)
    post.spool.trouble, broken = None, False
    post.run(120 * MINUTE)

    told = b"".join([text for _, text in post.submission.reports] + [text for text, _ in post.dead_letters.letters])
    assert post.queued() == []
    assert sent == {name for name in sent if name in taken or name.encode() in told}
    assert len(post.named(events.FINISHED)) >= len(messages)
    post.kernel.close()
