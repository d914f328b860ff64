"""The one library that the five services share; it knows none of them."""
