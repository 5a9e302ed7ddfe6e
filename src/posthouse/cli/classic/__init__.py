"""``sendmail``, ``mailq`` and ``newaliases``, as forty years of programs use them."""
