"""The demonstration: real definitions, and a story that is played over HTTP."""
