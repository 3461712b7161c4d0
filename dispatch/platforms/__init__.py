"""Adapters: what a platform asks for in its own words becomes orders, and what happens to them is told in its words
(docs/adapters.md). Each is a package, made of the same actions and outbox as the HTTP API and its webhooks.
"""
