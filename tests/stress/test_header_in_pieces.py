"""What a large header costs must not depend on how the network has cut it."""

import time

import pytest

from posthouse.mail.limits import Limits
from posthouse.submit.text import IncomingText
from support.routing_rig import run


class _Draft:
    """Takes what it is given."""

    def __init__(self) -> None:
        self.octets = 0

    async def write(self, chunk: bytes) -> None:
        self.octets += len(chunk)


@pytest.mark.parametrize("complete", [None, bytes], ids=["relayed", "submitted here"])
def test_a_header_in_twenty_thousand_pieces_is_taken_in_the_time_of_a_few_copies(complete):
    text = IncomingText(_Draft(), Limits(), b"Received: x\r\n", complete)
    piece = b"X: " + b"y" * 42 + b"\r\n"

    async def take() -> None:
        for _ in range(20_000):
            await text.write(piece)
        await text.finish()

    begun = time.process_time()
    run(take())

    assert text.refusal is None
    assert time.process_time() - begun < 3  # copied anew with each piece it took nine seconds, or minutes
