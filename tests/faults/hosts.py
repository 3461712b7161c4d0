"""Hosts beside this one: at full length network namespaces, each at the end of a cable that can be cut."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from delivery.osrm_server import LOOPBACK
from delivery.processes import Child, Processes
from tests.faults import FULL
from tests.faults.cluster import runs
from tests.waiting import wait_until

#: The third number is the host's; ours is .1 at each cable, the host .2.
NETWORK = "10.213"


@dataclass(frozen=True)
class Host:
    """Where processes run. `address`: its own. `ours`: this machine's, as it is reached from all hosts."""

    address: str
    ours: str
    cable: str = ""
    namespace: str = ""

    def command(self, command: Sequence[str | Path]) -> list[str | Path]:
        """What runs a command there."""
        return [*_inside(self.namespace), *command]

    def cut(self) -> None:
        """Nothing comes or goes any more, and nobody is told. In the short form the cable is ours: it stays."""
        if self.cable:
            _ip("link", "set", self.cable, "down")


@contextmanager
def two_hosts(processes: Processes) -> Iterator[list[Host]]:
    """In the short form both are this machine."""
    if not FULL:
        yield [Host(LOOPBACK, LOOPBACK)] * 2
        return
    assert os.geteuid() == 0, "Hosts are network namespaces, which root alone can make: run it as root"
    with ExitStack() as cables:
        yield [_host(processes, number, cables) for number in (1, 2)]


def _host(processes: Processes, number: int, cables: ExitStack) -> Host:
    # A namespace without a name: it ends with what runs in it.
    keeper = processes.start(f"host-{number}", ["unshare", "--net", "sleep", "infinity"], os.environ)
    namespace = f"/proc/{keeper.process.pid}/ns/net"
    wait_until(lambda: _is_apart(keeper, namespace), f"host {number}")
    ours, address = f"{NETWORK}.{number}.1", f"{NETWORK}.{number}.2"
    cable = f"ds{keeper.process.pid}"
    _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(keeper.process.pid))
    # Connections that nobody ended hold on to a namespace, and to its cable, for minutes.
    cables.callback(_ip, "link", "delete", cable)
    _ip("address", "add", f"{ours}/24", "dev", cable)
    _ip("link", "set", cable, "up")
    for words in (
        ("link", "set", "lo", "up"),
        ("address", "add", f"{address}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("route", "add", "default", "via", ours),
    ):
        _ip(*words, namespace=namespace)
    return Host(address, f"{NETWORK}.1.1", cable, namespace)


def _is_apart(keeper: Child, namespace: str) -> bool:
    assert runs(keeper.process.pid), keeper.last_words()
    return os.readlink(namespace) != os.readlink("/proc/self/ns/net")


def _inside(namespace: str) -> list[str]:
    """What begins a command in a namespace; "" is our own."""
    return ["nsenter", f"--net={namespace}"] if namespace else []


def _ip(*words: str, namespace: str = "") -> None:
    subprocess.run([*_inside(namespace), "ip", *words], check=True)
