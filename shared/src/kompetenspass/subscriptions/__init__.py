"""Subscriptions without Kafka: a service's own log over HTTP, as pages, as a stream, and as signed webhooks."""
