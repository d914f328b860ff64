"""Pure decisions of the wallet: an account, a timeline, a received credential."""
