"""The names of the steps in a message's life, as the log has them.

One name, one meaning, everywhere: the log, ``posthouse log``, the metrics.
"""

# The way in.
CONNECTED = "connected"  # client=
DISCARDED = "discarded"  # accepted and dropped, as the site's rules say: sender=, recipients=, octets=, client=
REFUSED = "refused"  # a command refused: client=, command=, reply=
ACCEPTED = "accepted"  # queue_id=, sender=, recipients=, octets=, client=, protocol=
AUTHORIZED = "authorized"  # what an MMDF site's authorization noted: queue_id=, entry=
UNVERIFIED = "unverified"  # kept on an MMDF site's channel delay: queue_id=, recipient=, reason=
RESOLVED = "resolved"  # one recipient of an accepted message: queue_id=, recipient=, channel=, host=, address=, via=
DISCONNECTED = "disconnected"
PICKED_UP = "picked-up"  # a dropped message was taken: queue_id=, file=, user=
SET_ASIDE = "set-aside"  # a dropped file is no message: file=, reason=, kept=

# The way out.
ATTEMPTED = "attempted"  # queue_id=, channel=, next_hop=, recipients=
DELIVERED = "delivered"  # queue_id=, recipient=, channel=, next_hop=, status=, diagnostic=, delay=
DEFERRED = "deferred"  # the same, due=
FAILED = "failed"
EXPIRED = "expired"
LEASE_LOST = "lease-lost"
WARNED = "warned"  # a delay warning was submitted: queue_id=, report_id=
BOUNCED = "bounced"  # a failure report was submitted: queue_id=, report_id=
CONFIRMED = "confirmed"  # a success report was submitted
DEAD_LETTER = "dead-letter"
FINISHED = "finished"  # nothing is owed any more: the message left the queue
HOST_DEAD = "host-dead"
HOST_ALIVE = "host-alive"

# Operators.
HELD = "held"
RELEASED = "released"
RETRIED = "retried"
REMOVED = "removed"
CANCELLED = "cancelled"

# Processes.
STARTED = "started"
STOPPING = "stopping"
STOPPED = "stopped"
RELOADED = "reloaded"
RELOAD_REFUSED = "reload-refused"
CHILD_DIED = "child-died"
CLEANED = "cleaned"  # text files that a crash had left in the spool were removed: texts=
TROUBLE = "trouble"  # an exception nobody expected: error=, traceback=
