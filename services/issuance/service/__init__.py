"""The use cases of issuance: a method each; achievements, offers, the authorization server and the issuer."""
