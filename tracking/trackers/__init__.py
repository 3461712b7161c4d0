"""Apps that others make and that track in the background: their payloads, as fixes of the pipeline
(docs/trackers.md).

One file reads each app's format; it knows no clock, network or database. `requests.py` is the view around them.
"""
