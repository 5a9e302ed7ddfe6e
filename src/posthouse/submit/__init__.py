"""Submit: the one way in.  Authorise, resolve each address, write, commit."""
