"""HTTP of verification: parse, call, render."""
