"""A real Apache Kafka from Apache's own jars, without containers: for laptops, trials and tests."""
