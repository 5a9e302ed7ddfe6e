"""``posthouse serve``: the parent process, its children, and what passes between them."""
