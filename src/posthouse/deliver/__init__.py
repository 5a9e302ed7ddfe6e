"""Half two: takes due work out of the spool and hands it to channels.  Bounces go in again by the port Submission."""
