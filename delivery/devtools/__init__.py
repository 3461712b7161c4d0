"""What develops, shows and measures Doorstep: the demo's servers, load and planning benchmarks, simulated fleets.

An app of its own, which nothing of the product imports.
"""
