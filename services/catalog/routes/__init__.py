"""HTTP of the catalog: parse, call, render."""
