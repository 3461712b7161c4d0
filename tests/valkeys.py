"""Valkeys that tests start for themselves: alone, as a cluster's node, or behind a sentinel."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis
from redis.exceptions import RedisError

from delivery.devtools.stack import valkey
from delivery.osrm_server import free_port
from delivery.processes import Child, Processes
from tests.waiting import wait_until
from tracking.redis_servers import why_unusable

PATIENCE_S = 60.0
MASTER, PASSWORD = "doorstep", "s3cret/@"


@dataclass
class Valkeys:
    """Servers on ports of this machine, with their files in `folder`."""

    folder: Path
    processes: Processes

    def start(self, *options: str, sentinel: bool = False) -> tuple[Child, int]:
        """A server that answers, and its port; `options` as in a configuration file."""
        port = free_port()
        config = self.folder / f"{port}.conf"  # a sentinel writes into its own
        words = (f"port {port}", f"dir {self.folder}", "bind 127.0.0.1", *options)
        config.write_text("\n".join(words) + "\n")
        command = [valkey.program(), config, *(["--sentinel"] if sentinel else [])]
        child = self.processes.start(f"valkey-{port}", command, {})

        def answers() -> bool:
            try:
                with redis.Redis.from_url(f"redis://127.0.0.1:{port}") as client:  # which tries once
                    return bool(client.ping())
            except redis.AuthenticationError:
                return True
            except redis.ConnectionError:
                return False

        self.processes.wait_for(child, answers, PATIENCE_S)
        return child, port


@dataclass
class Failover:
    """A master and its replica behind a sentinel; another sentinel, which `url` names first, is not there."""

    valkeys: Valkeys
    url: str
    master: Child

    @classmethod
    def prepared(cls, valkeys: Valkeys) -> "Failover":
        secured = (
            f"requirepass {PASSWORD}",
            f"masterauth {PASSWORD}",
            "repl-diskless-sync-delay 0",
            'save ""',
        )
        master, first = valkeys.start(*secured)
        _, second = valkeys.start(*secured, f"replicaof 127.0.0.1 {first}")
        with redis.Redis(port=second, password=PASSWORD) as client:
            # First: a sentinel that misses it asks again ten seconds later.
            wait_until(
                lambda: client.info("replication")["master_link_status"] == "up", "its copy", PATIENCE_S
            )
        _, sentinel = valkeys.start(
            f"sentinel monitor {MASTER} 127.0.0.1 {first} 1",
            f"sentinel auth-pass {MASTER} {PASSWORD}",
            f"sentinel down-after-milliseconds {MASTER} 500",
            sentinel=True,
        )
        with redis.Redis(port=sentinel) as client:
            wait_until(lambda: len(client.sentinel_slaves(MASTER)) == 1, "the sentinel's list", PATIENCE_S)
        sentinels = f"127.0.0.1:{free_port()},127.0.0.1:{sentinel}"
        return cls(valkeys, f"redis+sentinel://:{quote(PASSWORD, safe='')}@{sentinels}/{MASTER}/1", master)

    def happen(self) -> None:
        """The master dies, and the sentinel puts the replica in its place."""
        self.valkeys.processes.kill(self.master)
        wait_until(self._has_a_master, "another master", PATIENCE_S)

    def _has_a_master(self) -> bool:
        try:
            return why_unusable("REDIS_URL", self.url, PATIENCE_S) is None
        except RedisError:
            return False
