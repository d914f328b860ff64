"""A Merkle tree over each log: signed checkpoints, hash tiles, proofs, and an audit that trusts only what was kept."""
