"""The wallet over HTTP: parse, call, render."""
