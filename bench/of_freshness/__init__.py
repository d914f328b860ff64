"""What the case `freshness` is made of: a wallet's timeline that follows issuance, and the parts of its way."""
