"""A simulated fleet for the demo and for trying things out: drivers, customers and a dispatcher in one process.

Drivers know nothing but what the public WebSocket tells them. `trajectory`, `gps`, `demand` and `dispatcher.choose`
are pure; `run.simulate` puts everything together.
"""
