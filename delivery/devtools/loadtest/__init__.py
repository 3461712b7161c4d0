"""`manage.py loadtest`: an open-loop load generator for live-tracking servers over real sockets.

Pure: schedule, histogram, matching, websocket (bytes in, frames out), limit, the table of a report.
Thin around them: generator (sockets and the clock), usage (/proc).
"""
