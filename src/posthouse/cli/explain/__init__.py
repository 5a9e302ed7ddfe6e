"""``posthouse explain``: why an address, or a message, goes where it goes."""
