"""Kafka for tests: librdkafka's mock cluster for every run, the real broker for those that take minutes."""
