"""Measurements of the platform: `python -m bench CASE`. Every figure is printed with what it depends on.

- here: how cases are run, measured, told and shown; the machine, processes, a platform and a database to measure on
- `cases`: one module per case, each with its goals and conditions
- `floors`: what cannot be left out, with nothing around it
- `peers`: the same work by well-known libraries, as one writes it first
- `driver`: whoever uses a running platform
- `of_crypto`, `of_endpoints`, `of_eventlog`, `of_pathway`, `of_projection`, `of_statuslist`: what a case is made of
- `results`: the recorded run
"""
