"""Engine: the names, states and order of queued mail.  The adapters named spool_* keep the rows."""
