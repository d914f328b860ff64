"""What a laptop lacks: a PostgreSQL server, a certificate authority, an issuer of access tokens. For trials only."""
