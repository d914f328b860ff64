"""What the case `projection` is made of: logs full of sealed events, and both ways by which they come."""
