"""Posthouse, a multichannel mail router."""

__version__ = "0.1.0"
