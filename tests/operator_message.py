"""What docs/protocol.md shows an operator: a message to an order's group, from `manage.py shell`."""

import subprocess
from collections.abc import Mapping

from delivery.devtools.stack.servers import MANAGE
from delivery.devtools.stack.state import ROOT

#: What it says on the page.
MESSAGE = "Your driver says hello."


def send_operator_message(tracking_token: str, env: Mapping[str, str]) -> None:
    """Carries out the snippet as it stands there."""
    snippet = (ROOT / "docs" / "protocol.md").read_text().partition("```python\n")[2].partition("```")[0]
    assert "group_send" in snippet
    code = f'token = "{tracking_token}"\n{snippet}'
    subprocess.run([*MANAGE, "shell", "--no-imports", "-c", code], env=env, check=True)
