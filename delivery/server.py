"""The web server: uvicorn with the options that the live sockets need, the same in production, demo and benchmark.

docs/adr/0005 has the figures behind the choice.
"""

import socket

from django.conf import settings
from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from delivery.metrics.folder import shared_folder

#: A client that reads nothing for so long (ms) is cut off by the kernel: a close frame would wait behind the rest.
UNREAD_MS = 30_000
GRACE_S = 3


def serve(host: str, port: int, processes: int) -> None:
    """Serves HTTP and WebSockets on `host`:`port` until SIGINT or SIGTERM. OSError: the address can't be had."""
    config = Config(
        "delivery.asgi:application",
        http="delivery.http:HttpProtocol",
        # Has no task of its own per message, and `send` waits for a slow reader.
        ws="delivery.websocket:LiveProtocol",
        ws_max_size=settings.SOCKET_FRAME_BYTES,
        ws_per_message_deflate=False,  # half as much CPU again for frames of a hundred bytes
        ws_ping_interval=None,  # our own heartbeats tell as much, and are seen by pages too
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        workers=processes,
        log_config=None,  # Django's (settings.LOGGING) knows what must not be logged
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    with listen(host, port) as listening:
        if processes == 1:
            Server(config).run(sockets=[listening])
            return
        with shared_folder():
            Multiprocess(config, sockets=[listening]).run()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket whose connections end when their client reads nothing for UNREAD_MS."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=2048)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted connections inherit it
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
    return listening
