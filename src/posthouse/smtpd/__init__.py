"""The server process: sockets, sessions, admission.  The protocol itself is posthouse.smtp's."""
