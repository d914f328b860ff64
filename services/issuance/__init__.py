"""Issuance decides who has earned a microcredential and issues it.

It owns achievements, offers, the OpenID4VCI issuer with its authorization server, the vault of personal claims and the
issuer keys. It never holds a status list: the registry alone says whether a credential still holds.
"""
