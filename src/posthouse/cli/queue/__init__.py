"""``posthouse queue``: look at queued mail, and act on it."""
