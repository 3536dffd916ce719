"""A node end to end on each base that can carry it, and with each placement of its container proxies."""

import pytest

from tests.end_to_end.nodes import LiveNode

SMALL = ["parameters_max=4 KB", "code_max=12 KB", "payload_max=8 KB", "payload_truncation=8 KB"]
NO_LOGS = ["logs_min=0 MB", "logs_default=0 MB", "logs_max=0 MB"]
CHOICES = {
    "colocated": ["actors.placement=colocated"],
    "process": ["actors.placement=process"],
    "multiprocTCPBase": ["actors.base=multiprocTCPBase"],
    "multiprocTCPBase, process": ["actors.base=multiprocTCPBase", "actors.placement=process"],
    "multiprocUDPBase": ["actors.base=multiprocUDPBase", *(f"limits.{each}" for each in [*SMALL, *NO_LOGS])],
}


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_a_node_works_and_stops_cleanly(choices: list[str]) -> None:
    options = [option for choice in [*choices, "containers.prewarm=false"] for option in ("--set", choice)]
    with LiveNode(*options) as node:
        node.deploy("hello", "def main(args):\n    print('hi')\n    return {'n': args['n']}")
        for number in range(3):
            reply = node.invoke("hello", {"n": number})
            assert reply.status == 200, reply.body
            assert reply.json["response"]["result"] == {"n": number}
        record = node.record(reply.json["activationId"])
        if "limits.logs_max=0 MB" not in choices:
            assert record["logs"][0].endswith("stdout: hi")
        later = node.invoke("hello", {"n": 4}, "blocking=false")
        assert later.status == 202
        assert node.record(later.json["activationId"])["response"]["success"]
        assert node.stop() == 0
        node.wait_until(lambda: not node.processes(), "all processes are gone")
        assert " raised;" not in node.log_text()
