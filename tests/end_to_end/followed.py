"""`owactors logs --follow` beside a node."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.nodes import GUEST, LiveNode

#: prints a line at once, then one a second as long as it is told
TALKING = (
    "import time\ndef main(args):\n    print('begun')\n"
    "    for n in range(args.get('s', 50)):\n        time.sleep(1)\n        print('line', n)\n    return {}"
)


@contextmanager
def following(node: LiveNode, name: str, folder: Path) -> Iterator[Path]:
    """The file that has what is shown of an action's calls."""
    environment = {**os.environ, "OWACTORS_APIHOST": node.url, "OWACTORS_AUTH": GUEST}
    command = [sys.executable, "-m", "owactors.cli", "logs", name, "--follow", "--strip"]
    shown, said = folder / f"{name}-shown", folder / f"{name}-said"
    with shown.open("w") as stdout, said.open("w") as stderr:
        tail = subprocess.Popen(command, env=environment, stdout=stdout, stderr=stderr)
    try:
        node.wait_until(lambda: "waiting for calls" in said.read_text(), "follows")
        yield shown
    finally:
        tail.kill()
        tail.wait()


def lines_come_while_it_runs(node: LiveNode, name: str, folder: Path) -> None:
    """Of a call that runs already, from its first line on."""
    node.deploy(name, TALKING, timeout=60_000)
    called = node.invoke(name, query="blocking=false").json["activationId"]
    with following(node, name, folder) as shown:
        node.wait_until(lambda: "line 1" in shown.read_text(), f"shows what {name} prints")
    assert node.api("GET", f"/activations/{called}").status == 404
    assert shown.read_text().splitlines()[:4] == [f"-- {name} {called}", "begun", "line 0", "line 1"]
