"""Values: what mail is made of.  Nothing here does I/O, knows the time or draws lots."""
