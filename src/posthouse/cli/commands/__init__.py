"""The other commands of ``posthouse``, a module each."""
