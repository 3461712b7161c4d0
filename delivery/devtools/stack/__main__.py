"""The command line; every failure is one line on standard error and exit status 1."""

import os
import sys

from delivery.devtools.bench.fences import bench_fences
from delivery.devtools.bench.live import bench
from delivery.devtools.bench.routing import bench_routing
from delivery.devtools.bench.scale import bench_scale
from delivery.devtools.bench.volume import bench_volume
from delivery.devtools.stack.demo import demo
from delivery.devtools.stack.evening import evening
from delivery.devtools.stack.test import FAULTS, run_suite
from delivery.errors import StackError


def main(arguments: list[str]) -> int:
    match arguments:
        case ["demo"]:
            return demo()
        case ["test", *rest]:
            return run_suite(rest, checks=False)
        case ["check", *rest]:
            return run_suite(rest, checks=True)
        case ["evening", *rest]:
            return evening(rest)
        case ["faults", *rest]:
            os.environ["FAULTS"] = "full"
            return run_suite([FAULTS, *rest], checks=False)
        case ["bench", *rest]:
            return bench(rest)
        case ["bench-fences", *rest]:
            return bench_fences(rest)
        case ["bench-routing", *rest]:
            return bench_routing(rest)
        case ["bench-scale", *rest]:
            return bench_scale(rest)
        case ["bench-volume", *rest]:
            return bench_volume(rest)
        case _:
            raise StackError(
                "say what to do: demo, test, check, evening, faults, bench, bench-fences, bench-routing, "
                "bench-scale or bench-volume; all but demo take more arguments"
            )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (StackError, OSError) as error:
        sys.exit(f"doorstep: {error}")
