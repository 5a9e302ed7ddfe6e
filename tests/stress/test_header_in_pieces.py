"""What a large header costs must not depend on how the network has cut it."""

import time

import pytest

from posthouse.mail.limits import Limits
from posthouse.submit.text import IncomingText


@pytest.mark.parametrize("complete", [None, bytes], ids=["relayed", "submitted here"])
def test_a_header_in_twenty_thousand_pieces_is_taken_in_the_time_of_a_few_copies(complete):
    text = IncomingText(Limits(), b"Received: x\r\n", complete)
    piece = b"X: " + b"y" * 42 + b"\r\n"

    begun = time.process_time()
    for _ in range(20_000):
        text.feed(piece)
    text.finish()

    assert text.refusal is None
    assert time.process_time() - begun < 3  # copied anew with each piece it took nine seconds, or minutes
