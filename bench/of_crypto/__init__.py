"""What the case `crypto` is made of: credentials of two sizes for many holders."""
