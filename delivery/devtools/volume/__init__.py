"""Years of orders in the database, and what is slow only then: `manage.py volume`, `make bench-volume`."""
