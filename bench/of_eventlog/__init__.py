"""What the case `eventlog` is made of: events to append, the logs they go to, and a reader that follows."""
