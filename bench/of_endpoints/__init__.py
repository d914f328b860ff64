"""What the case `endpoints` is made of: prepared requests, cells of them, and a round of all cells."""
