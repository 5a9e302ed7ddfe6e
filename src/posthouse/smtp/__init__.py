"""Engine: SMTP and LMTP as bytes in, events and bytes out.  No I/O, no clock, no chance."""
