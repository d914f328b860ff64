"""The stacking rule language: parse, evaluate, prove, explain. Pure. Source: domain, section 4.2."""
