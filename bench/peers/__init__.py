"""How the same is done with the libraries that everybody takes, written the way their documentation shows it."""
