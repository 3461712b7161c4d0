"""Doorstep on one machine: PostgreSQL, Valkey and OSRM from pip wheels, and Doorstep's own processes on top.

`python -m delivery.devtools.stack demo|test|check|faults|bench… [arguments]`, as `make` has them, once
delivery/devtools/bootstrap.py is done.
"""
