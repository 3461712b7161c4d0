"""Where processes that belong together share what they count: those of `serve`, and the children of a worker."""

import os
from tempfile import TemporaryDirectory

#: prometheus_client looks for it while it is imported: nothing that counts may be imported before it is set.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def shared_folder() -> TemporaryDirectory[str]:
    """For this process and those that it starts, unless the environment names another; gone with this process."""
    folder = TemporaryDirectory(prefix="doorstep-metrics-")
    os.environ.setdefault(VARIABLE, folder.name)
    return folder
