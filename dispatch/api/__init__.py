"""`/api/v1/`: HTTP for the engineer of an ordering platform (docs/integrate.md).

Whoever asks has a key (dispatch/api_keys.py) and reaches the cities of it. Every write is one of the actions that
dispatchers and staff use too. Errors are problems (problems.py), a POST may be sent twice (idempotency.py), and
`urls.py` puts it together.
"""
