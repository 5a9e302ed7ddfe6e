"""Routing: from an address to (channel, host, address), each step explained."""
