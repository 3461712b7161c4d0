"""A day replayed through the planner: what would these orders and couriers have come to under another policy?

docs/planning.md has the tables that are read and written, and how a policy is judged.
"""
