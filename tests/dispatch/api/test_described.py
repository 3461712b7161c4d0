"""What the OpenAPI document says is so, and nothing that it leaves open breaks the server: schemathesis makes
requests of it, those that it allows and those that it does not, and compares the answers.

`FAULTS=full make test ARGS=tests/dispatch/api/test_described.py` asks more, for minutes.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from dispatch.models import Driver, Order, Restaurant
from tests.dispatch.api.conftest import Asker
from tests.faults import SEED, length

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = length(short=2, full=100)
PHASES = length(short="examples,coverage,fuzzing", full="examples,coverage,fuzzing,stateful")


@pytest.mark.timeout(length(short=180, full=3600))
@pytest.mark.usefixtures("driver", "order", "new_driver", "new_order", "skills")
def test_every_answer_is_as_described(
    asker: Asker, served: str, restaurant: Restaurant, settings: Settings, tmp_path: Path
) -> None:
    settings.API_REQUESTS_PER_MIN = 10**9
    asked = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG)),
            *("run", f"{served}/api/v1/openapi.json", "--url", served),
            *("--header", f"Authorization: Bearer {asker.secret}", "--checks", "all"),
            *("--phases", PHASES, "--max-examples", str(EXAMPLES), "--seed", str(SEED)),
            *("--generation-database", "none", "--continue-on-failure", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr
    # It has asked, and not only read the document.
    assert Driver.objects.count() > 1
    assert Order.objects.count() > 1
