"""catalog decides what a microcredential is.

It owns definitions and pathways, their versions, review and approval, the issuing rights of each definition, and the
credential type's metadata (`vct`). It never holds a key, and knows no learner.
"""
