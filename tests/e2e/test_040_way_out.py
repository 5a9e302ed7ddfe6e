"""The way out in real processes: what it leaves alone, what it clears up, and what it tells."""

import os
import re
import time
from collections import Counter
from email import message_from_bytes

from support.daemon import make_site, running_daemon
from support.e2e_site import SITE, relay_to
from support.ports import free_port
from support.sinks import running_sink
from support.standstill import killed_with
from support.waiting import until


def test_texts_that_a_crash_left_behind_are_removed_at_the_next_start(tmp_path):
    daemon = make_site(tmp_path, SITE)
    daemon.run("send", "--to", "joe@mx.test", "--body", "x" * 100_000)  # large: a file of its own
    orphan, fresh = tmp_path / "spool/texts/aa/aa00", tmp_path / "spool/texts/aa/aa01"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"half a mess")
    fresh.write_bytes(b"half a mess")
    two_hours_ago = time.time() - 7200
    for path in (tmp_path / "spool/texts").glob("*/*"):
        if path != fresh:
            os.utime(path, (two_hours_ago, two_hours_ago))
    try:
        daemon.start()
        daemon.wait_event("cleaned", texts=1)
        assert len(daemon.wait_messages("joe", 1)) == 1
    finally:
        daemon.kill()
    assert not orphan.exists()
    assert fresh.exists()


def test_killed_again_and_again_deliver_loses_nothing_and_repeats_only_what_was_under_way(tmp_path):
    with (
        running_sink(tmp_path / "sink") as sink,
        running_daemon(tmp_path, SITE + relay_to("far.example", sink.port)) as daemon,
        daemon.smtp() as client,
    ):
        killed: list[int] = []
        in_hand = 0
        for number in range(200):
            to = "joe@mx.test" if number % 2 else "joe@far.example"
            client.sendmail("ann@mx.test", [to], f"Subject: a test\r\nX-Number: {number}.\r\n\r\nbody\r\n")
            if number % 50 == 25:
                until(lambda: daemon.pid_of("deliver") not in killed, "a successor at work")
                killed.append(daemon.pid_of("deliver"))
                in_hand += killed_with(killed[-1], tmp_path / "spool")

        def numbers() -> Counter[bytes]:
            texts = sink.messages() + daemon.messages("joe")
            return Counter(match[1] for text in texts if (match := re.search(rb"X-Number: ([0-9]+)\.", text)))

        until(lambda: len(numbers()) == 200, "every message")
        until(lambda: not daemon.run("queue", "list", "--json").stdout, "an empty queue")
        assert len(daemon.events("child-died")) == len(killed) == 4
        assert numbers().total() - 200 <= in_hand  # twice only what a killed process could not record


def test_the_sender_is_warned_once_whatever_restarts_and_told_at_the_end(tmp_path):
    patient = SITE.replace('dead-host = "200ms"', 'dead-host = "200ms"\nwarn-after = "2s"\nexpire-after = "1h"')
    with running_daemon(tmp_path, patient + relay_to("far.example", free_port())) as daemon:
        daemon.send("joe@mx.test", "bob@far.example")
        daemon.wait_event("warned")
        daemon.kill()
        daemon.site_file.write_text(daemon.site_file.read_text().replace('"1h"', '"5s"'))
        daemon.start()
        daemon.wait_event("bounced")
        [bounce] = until(
            lambda: [report for report in daemon.messages("joe") if b"Action: failed" in report], "the failure report"
        )

        # The one warning may be there twice: it was being delivered when the daemon was killed.
        until(lambda: len({message_from_bytes(report)["Message-ID"] for report in daemon.messages("joe")}) == 2, "both")
        assert len(daemon.events("warned")) == 1
    about = message_from_bytes(bounce).get_payload(1).get_payload(1)
    assert (about["Status"], about["Last-Attempt-Date"] is not None) == ("5.4.7", True)


def test_a_report_that_nobody_takes_goes_to_the_dead_letters(tmp_path):
    with running_sink(tmp_path / "sink", "-f", "RCPT") as sink:
        site = SITE.replace('"master@mx.test"', '"master@far.example"') + relay_to("far.example", sink.port)
        with running_daemon(tmp_path, site) as daemon:
            daemon.send("ann@far.example", "bob@far.example", "Subject: the first one\r\n\r\nbody\r\n")
            daemon.wait_event("dead-letter")

            assert [event["sender"] for event in daemon.events("bounced")] == ["ann@far.example", "master@far.example"]
            assert b"Subject: the first one" in (tmp_path / "spool/dead-letters").read_bytes()
