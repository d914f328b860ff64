"""The registry's HTTP: parse, call, render."""
