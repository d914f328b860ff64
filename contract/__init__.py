"""The contract with those outside: made from the code, kept in docs/generated, and compared with what was released."""
