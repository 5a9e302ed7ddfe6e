"""Numbers in sentences."""

import pytest

from posthouse.mail.wording import seconds_in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (0.5, "0.5 seconds"),
        (1, "1 second"),
        (1.0, "1 second"),
        (1.5, "1.5 seconds"),
        (300.0, "300 seconds"),
    ],
)
def test_one_second_is_singular(seconds, words):
    assert seconds_in_words(seconds) == words
