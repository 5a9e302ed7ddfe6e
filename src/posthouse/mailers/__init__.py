"""Engine: what a mailer of a sendmail.cf is given: header, From_ line, body, arguments; and what its end means."""
