"""What can be done with a wallet: receive, present, open a page; a file per use case."""
