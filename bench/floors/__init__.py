"""The least that a thing can cost: the same primitives and nothing around them."""
