"""Engine: when and how much to deliver.  No I/O, no clock, no chance."""
