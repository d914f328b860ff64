"""Fixed clocks, test keys and the given-when-then of the domain tests."""
