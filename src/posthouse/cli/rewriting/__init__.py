"""Addresses rewritten for people to see: ``posthouse rewrite`` and sendmail's address test mode."""
