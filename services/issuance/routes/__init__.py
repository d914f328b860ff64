"""HTTP to values and back: commands and overviews by FastAPI, the protocol's endpoints as thin Starlette routes."""
