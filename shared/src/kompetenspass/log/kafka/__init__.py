"""Logs by Apache Kafka: what a record holds, how one connects, the topics, and the relay that fills them."""
