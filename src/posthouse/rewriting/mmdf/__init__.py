"""Addresses as MMDF reads and writes them: RFC 822 with the routes of RFC 733."""
