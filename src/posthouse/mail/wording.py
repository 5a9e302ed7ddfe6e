"""Numbers in sentences for people."""


def seconds_in_words(seconds: float) -> str:
    """Return ``1 second``, ``0.5 seconds``, ``300 seconds``."""
    shown = f"{seconds:.12g}"
    return f"{shown} second" if shown == "1" else f"{shown} seconds"
