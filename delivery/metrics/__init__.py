"""What Prometheus is shown: `/metrics` of the web processes, and the ports of worker and beat.

What a process counts stands in routing/metrics.py, dispatch/metrics.py, tracking/metrics.py and (of tasks) tasks.py.
own.py adds up the processes that share a folder; shared.py asks PostgreSQL and Redis for what they alone know.
"""
