"""The way out in real processes: what it leaves alone, what it clears up, and what it tells."""

import os
import time

from support.daemon import make_site
from support.e2e_site import SITE


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
