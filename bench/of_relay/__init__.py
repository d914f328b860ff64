"""What the case `relay` is made of: a log, a real Kafka, relays between them, and a look at what has arrived."""
