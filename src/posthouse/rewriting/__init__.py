"""The production system: addresses interpreted by rewriting rules, as sendmail does.  An engine without I/O."""
