"""Functions of every kind do real work on a real node, and their trouble is told in OpenWhisk's words."""

import base64
import io
import shutil
import zipfile

import pytest

from tests.end_to_end.nodes import GUEST, LiveNode

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")


def error_of(reply_json: dict) -> str:
    return reply_json["response"]["result"]["error"]


def test_a_python_function_answers_with_a_whole_record(node: LiveNode) -> None:
    node.deploy("hello", "def main(args):\n    print('hi')\n    return {'hello': args.get('name', 'you')}")
    record = node.invoke("hello", {"name": "Ada"}).json
    assert record["response"] == {"status": "success", "success": True, "result": {"hello": "Ada"}, "size": 16}
    assert {a["key"] for a in record["annotations"]} >= {"path", "kind", "limits", "timeout", "waitTime"}
    stored = node.record(record["activationId"])
    assert [line.split(" stdout: ")[1] for line in stored["logs"]] == ["hi"]
    assert stored["duration"] == stored["end"] - stored["start"]


def test_the_second_call_is_warm(node: LiveNode) -> None:
    node.deploy("warm", "def main(args):\n    return {}")
    first, second = (node.invoke("warm").json for _ in range(2))
    assert "initTime" in {a["key"] for a in first["annotations"]}
    assert "initTime" not in {a["key"] for a in second["annotations"]}


@needs_node
def test_a_javascript_function_with_a_promise(node: LiveNode) -> None:
    node.deploy("js", "function main(p) { return Promise.resolve({double: p.n * 2}) }", "nodejs:default")
    assert node.invoke("js", {"n": 21}, "blocking=true&result=true").json == {"double": 42}


def test_a_zip_with_a_module_beside_main(node: LiveNode) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("__main__.py", "from other import twice\ndef main(args):\n    return {'n': twice(args['n'])}")
        archive.writestr("other.py", "def twice(n):\n    return n * 2")
    node.deploy("zipped", base64.b64encode(packed.getvalue()).decode())
    assert node.invoke("zipped", {"n": 4}, "blocking=true&result=true").json == {"n": 8}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("def main(args):\n    return 5", "The action did not return a dictionary"),
        ("def main(args):\n    raise ValueError('x')", "x"),
        ("def main(args) return", "Cannot start action. Check logs for details"),
        ("import os\ndef main(args):\n    os._exit(1)", "exited unexpectedly"),
    ],
    ids=["no dictionary", "raises", "does not compile", "exits"],
)
def test_trouble_of_a_function(node: LiveNode, code: str, text: str) -> None:
    node.deploy("trouble", code)
    reply = node.invoke("trouble")
    assert reply.status == 502
    assert text in error_of(reply.json)


def test_an_error_of_the_application(node: LiveNode) -> None:
    node.deploy("failing", "def main(args):\n    return {'error': 'out of stock'}")
    reply = node.invoke("failing")
    assert (reply.status, reply.json["response"]["status"]) == (502, "application error")


def test_a_function_that_never_returns_is_stopped_at_its_limit(node: LiveNode) -> None:
    node.deploy("endless", "import time\ndef main(args):\n    time.sleep(100)", timeout=500)
    reply = node.invoke("endless")
    assert reply.status == 502
    assert "exceeded its time limits of 500 milliseconds" in error_of(reply.json)


def test_a_function_that_takes_too_much_memory(node: LiveNode) -> None:
    node.deploy("greedy", "def main(args):\n    x = bytearray(900 * 1024 * 1024)\n    return {'n': len(x)}", memory=128)
    reply = node.invoke("greedy")
    assert (reply.status, reply.json["response"]["status"]) == (502, "action developer error")
    assert "memory" in error_of(reply.json)


def test_a_result_of_one_megabyte_passes_and_a_larger_one_is_cut(node: LiveNode) -> None:
    node.deploy("large", "def main(args):\n    return {'x': 'y' * args['n']}")
    assert len(node.invoke("large", {"n": 1_000_000}).json["response"]["result"]["x"]) == 1_000_000
    too_large = node.invoke("large", {"n": 2_000_000}).json
    assert too_large["response"]["status"] == "application error"
    assert "exceeded the allowed" in error_of(too_large)


def test_ten_megabytes_of_output_are_cut_at_the_limit(node: LiveNode) -> None:
    node.deploy("loud", "def main(args):\n    for i in range(200000):\n        print('z' * 60)\n    return {}", logs=1)
    record = node.invoke("loud").json
    logs = node.record(record["activationId"])["logs"]
    assert sum(len(line) for line in logs) < 4 * 1024 * 1024
    assert "Logs were truncated because" in logs[-1]
    assert node.invoke("loud").status == 200


def test_unicode_goes_both_ways(node: LiveNode) -> None:
    node.deploy("echo", "def main(args):\n    print(args['t'])\n    return args")
    text = "grüße 🎈 \u0000 שלום"
    assert node.invoke("echo", {"t": text}, "blocking=true&result=true").json == {"t": text}


def test_a_call_that_nobody_waits_for_has_its_record(node: LiveNode) -> None:
    node.deploy("later", "def main(args):\n    return {'done': True}")
    reply = node.invoke("later", {}, "blocking=false")
    assert reply.status == 202
    assert node.record(reply.json["activationId"])["response"]["result"] == {"done": True}


def test_a_record_is_there_as_soon_as_the_caller_has_the_answer(node: LiveNode) -> None:
    node.deploy("quick", "def main(args):\n    print('x')\n    return {}")
    for _ in range(20):
        activation_id = node.invoke("quick").json["activationId"]
        reply = node.api("GET", f"/activations/{activation_id}")
        assert reply.status == 200
        assert len(reply.json["logs"]) == 1
        listed = node.api("GET", "/activations?limit=3").json
        assert activation_id in [row["activationId"] for row in listed]


@pytest.mark.parametrize(
    ("auth", "path", "status"),
    [(None, "/namespaces/_/actions", 401), (GUEST[:-1] + "x", "/namespaces/_/actions", 401)],
)
def test_wrong_keys(node: LiveNode, auth: str | None, path: str, status: int) -> None:
    assert node.request("GET", "/api/v1" + path, auth=auth).status == status


def test_another_namespace_is_forbidden(node: LiveNode) -> None:
    assert node.request("GET", "/api/v1/namespaces/other/actions").status == 403


def test_an_unknown_kind_is_told_with_the_list(node: LiveNode) -> None:
    reply = node.api("PUT", "/actions/cobol", {"exec": {"kind": "cobol:1", "code": "x"}})
    assert reply.status == 400
    assert "python" in reply.json["error"]


def test_bad_json_is_told_with_its_position(node: LiveNode) -> None:
    reply = node.api("PUT", "/actions/bad", b'{"exec": }')
    assert reply.status == 400
    assert "line 1" in reply.json["error"]


def test_metrics_show_the_figures_of_every_process(node: LiveNode) -> None:
    node.deploy("counted", "def main(args):\n    return {}")
    node.invoke("counted")
    text = ""

    def shown() -> bool:
        nonlocal text
        text = node.request("GET", "/metrics").body.decode()
        return "invoker_activationRun_finish" in text

    node.wait_until(shown, "the invoker's figures in /metrics", 10)
    assert "counter_invoker_containerStart_counter_total" in text


@pytest.mark.parametrize("query", ["blocking=true&result=true", "blocking=true"])
def test_odd_values_come_back_as_they_went(node: LiveNode, query: str) -> None:
    """Whole numbers beyond 64 bits, half surrogate pairs, 400 levels of lists."""
    node.deploy("same", "def main(args):\n    return args")
    deep: list[object] = []
    for _ in range(400):
        deep = [deep]
    values = {"large": 2**70, "negative": -(2**64), "half": "\ud800", "deep": deep, "text": "ü\u2028\U0001f600"}
    answer = node.invoke("same", values, query).json
    found = answer if "large" in answer else answer["response"]["result"]
    assert str(found) == str(values)
    if "activationId" in answer:
        assert str(node.record(answer["activationId"])["response"]["result"]) == str(values)
