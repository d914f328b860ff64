"""The protocols, sans-I/O: arguments in, values out."""
