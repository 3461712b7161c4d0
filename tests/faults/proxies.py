"""The proxies of deploy/, as shipped but for addresses and certificates."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from delivery.devtools.stack.programs import system_program
from delivery.osrm_server import LOOPBACK, accepts, free_port
from tests.faults.cluster import Cluster
from tests.waiting import wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
SHIPPED = ("127.0.0.1:8000", "127.0.0.1:8001")


def proxy(kind: str, cluster: Cluster) -> AbstractContextManager[str]:
    """The address of an nginx or HAProxy in front of both web processes."""
    folder = cluster.state.folder / kind
    folder.mkdir(exist_ok=True)
    port = free_port()
    command = {"nginx": nginx, "haproxy": haproxy}[kind](folder, port, backends(cluster))
    return _running(cluster, kind, command, LOOPBACK, port)


@contextmanager
def _running(
    cluster: Cluster, name: str, command: Sequence[str | Path], host: str, port: int
) -> Iterator[str]:
    """The address of a proxy, which listens there."""
    child = cluster.processes.start(name, command, cluster.env)
    try:
        wait_until(lambda: accepts(port, host), name)
        yield f"http://{host}:{port}"
    finally:
        cluster.processes.kill(child)


def backends(cluster: Cluster) -> Callable[[str], str]:
    """Puts the addresses of the web processes in the place of the shipped ones."""

    def put(text: str) -> str:
        for shipped, url in zip(SHIPPED, cluster.urls, strict=True):
            assert shipped in text
            text = text.replace(shipped, url.removeprefix("http://"))
        return text

    return put


def osrm_proxy(cluster: Cluster, host: str, ports: Sequence[int]) -> AbstractContextManager[str]:
    """The address of an HAProxy in front of two OSRM on this machine; `host`: the address it listens at."""
    folder, port = cluster.state.folder, free_port()
    text = (DEPLOY / "haproxy-osrm.cfg").read_text()
    text = once(text, "bind 127.0.0.1:5000", f"bind {host}:{port}")
    for shipped, real in zip((5001, 5002), ports, strict=True):
        text = once(text, f"127.0.0.1:{shipped}", f"127.0.0.1:{real}")
    (folder / "haproxy-osrm.cfg").write_text(text)
    command = [system_program("HAProxy", "haproxy"), "-f", folder / "haproxy-osrm.cfg"]
    return _running(cluster, "haproxy-osrm", command, host, port)


def nginx(folder: Path, port: int, put: Callable[[str], str]) -> Sequence[str | Path]:
    temporary = "".join(
        f"    {name}_temp_path {folder / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = put((DEPLOY / "nginx.conf").read_text())
    # A test's user has no other to become.
    text = once(text, "user www-data;\n", f"daemon off;\nerror_log {folder / 'error.log'};\n")
    text = once(text, "/run/nginx.pid", str(folder / "nginx.pid"))
    text = once(text, "http {\n", "http {\n" + temporary)
    text = once(text, "listen 443 ssl http2 ", f"listen 127.0.0.1:{port} ")
    text = once(text, "/var/log/nginx/doorstep.log", str(folder / "access.log"))
    text = once(text, "/var/log/nginx/error.log", str(folder / "error.log"))
    text = "".join(line for line in text.splitlines(keepends=True) if "ssl_certificate" not in line)
    (folder / "nginx.conf").write_text(text)
    return [system_program("nginx", "nginx"), "-c", folder / "nginx.conf", "-p", folder]


def haproxy(folder: Path, port: int, put: Callable[[str], str]) -> Sequence[str | Path]:
    text = put((DEPLOY / "haproxy.cfg").read_text())
    text = once(text, "bind :443 ssl crt /etc/ssl/doorstep/both.pem alpn http/1.1", f"bind 127.0.0.1:{port}")
    # A test's machine need not allow so many descriptors.
    text = once(text, "maxconn 20000", "maxconn 2000")
    (folder / "haproxy.cfg").write_text(text)
    return [system_program("HAProxy", "haproxy"), "-f", folder / "haproxy.cfg"]


def once(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} is not there once"
    return text.replace(old, new)
