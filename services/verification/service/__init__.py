"""The use cases of verification: judge a credential, ask a wallet, judge its answer."""
