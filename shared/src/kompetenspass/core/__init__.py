"""Clock, ids, digests and problems: the few things that every room may use."""
