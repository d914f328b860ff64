"""The web edge that all services share; it knows none of them."""
