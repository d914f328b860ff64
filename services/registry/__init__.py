"""Registry: decides who may act, and whether a credential still holds.

It owns organisations with their roles, assessors and public keys, the status lists, suspension and revocation.
It never holds claims, names of learners or private keys of issuers.
"""
