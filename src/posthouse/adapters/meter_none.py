"""A meter that measures nothing: for commands, and for sites without metrics."""


class NoMeter:
    """Takes every measurement and forgets it."""

    def count(self, metric: str, amount: float = 1, /, **labels: str) -> None:
        """Forget a count."""

    def gauge(self, metric: str, value: float, /, **labels: str) -> None:
        """Forget a value."""

    def observe(self, metric: str, value: float, /, **labels: str) -> None:
        """Forget an observation."""
