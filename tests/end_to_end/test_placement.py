"""The same node on other bases, and with a process for each container proxy."""

import pytest

from tests.end_to_end.nodes import LiveNode


@pytest.mark.parametrize("choice", ["actors.placement=process", "actors.base=multiprocTCPBase"])
def test_a_node_works_and_stops_cleanly(choice: str) -> None:
    with LiveNode("--set", choice, "--set", "containers.prewarm=false") as node:
        node.deploy("hello", "def main(args):\n    print('hi')\n    return {'n': args['n']}")
        for number in range(3):
            reply = node.invoke("hello", {"n": number})
            assert reply.status == 200, reply.body
            assert reply.json["response"]["result"] == {"n": number}
        record = node.record(reply.json["activationId"])
        assert record["logs"][0].endswith("stdout: hi")
        later = node.invoke("hello", {"n": 4}, "blocking=false")
        assert later.status == 202
        assert node.record(later.json["activationId"])["response"]["success"]
        assert node.stop() == 0
        assert node.processes() == []
