"""Whole walks with the requests of `wsk`, and what it needs of the answers."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from tests.end_to_end.nodes import GUEST, LiveNode
from tests.end_to_end.wskclient import Heard, Wsk, annotation, read_action, read_action_row, read_record_row

HELLO = "def main(args):\n    print('seen')\n    return {'greeting': 'hello ' + args.get('name', 'you')}"
PYTHON = {"kind": "python:default", "code": HELLO}
_STRIP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z *(?:stdout|stderr): ")


@pytest.fixture
def wsk(node: LiveNode) -> Wsk:
    return Wsk(node.url, GUEST)


def ok(heard: Heard, status: int = 200) -> Any:
    """The JSON body of an answer that must have that status."""
    assert heard.status == status, heard
    if heard.body:
        assert heard.content_type == "application/json", heard
        return heard.json
    return None


def refused(heard: Heard, exit_code: int, words: str) -> None:
    """wsk would exit so, and print these words and a code."""
    assert heard.exit_code() == exit_code, heard
    assert words in heard.message()
    assert re.search(r"\(code \S+\)$", heard.message()), heard.message()


def recorded(wsk: Wsk, activation_id: str) -> Any:
    """A record, which may come a moment after its answer."""
    deadline = time.monotonic() + 30
    while (heard := wsk.get(f"activations/{activation_id}")).status == 404 and time.monotonic() < deadline:
        time.sleep(0.05)
    return ok(heard)


def test_properties(wsk: Wsk) -> None:
    """`wsk property get --all`, `wsk namespace list`."""
    assert ok(wsk.send("GET", "/api/v1/namespaces")) == ["guest"]
    info = ok(wsk.send("GET", "/api/v1", auth=False))
    assert {type(info["build"]), type(info["buildno"])} == {str}


@pytest.mark.scenario("K01")
def test_an_action_from_create_to_delete(wsk: Wsk) -> None:
    limits = {"memory": 128, "timeout": 10_000}
    made = ok(wsk.action_create("wsk-a", exec=PYTHON, limits=limits, parameters=[{"key": "name", "value": "Ada"}]))
    assert read_action(made)["namespace"] == "guest"
    refused(wsk.action_create("wsk-a", exec=PYTHON), 153, "resource already exists")
    assert ok(wsk.invoke("wsk-a", result=True)) == {"greeting": "hello Ada"}
    updated = ok(wsk.action_update("wsk-a", parameters=[{"key": "name", "value": "Bob"}]))
    assert (updated["version"], updated["limits"]["memory"]) == ("0.0.2", 128)
    blocking = wsk.invoke("wsk-a", blocking=True)
    assert blocking.exit_code(blocking=True) == 0
    assert ok(blocking)["response"]["result"] == {"greeting": "hello Bob"}
    shown = read_action(ok(wsk.get("actions/wsk-a", code="false")))
    assert "code" not in shown["exec"]
    assert read_action(ok(wsk.get("actions/wsk-a", code="true")))["exec"]["code"] == HELLO
    rows = [read_action_row(row) for row in ok(wsk.page("actions"))]
    assert any(row.startswith("/guest/wsk-a private python:") for row in rows)
    ok(wsk.delete("actions/wsk-a"))
    refused(wsk.get("actions/wsk-a", code="false"), 148, "does not exist")
    refused(wsk.delete("actions/wsk-a"), 148, "does not exist")


def test_update_creates_what_is_not_there(wsk: Wsk) -> None:
    assert ok(wsk.action_update("wsk-new", exec=PYTHON))["version"] == "0.0.1"
    ok(wsk.delete("actions/wsk-new"))


def test_names_are_escaped(wsk: Wsk) -> None:
    """A space as %20; `@` stays."""
    name = "wsk @ a.b-c_d"
    ok(wsk.action_create(name, exec=PYTHON))
    assert ok(wsk.invoke(name, {"name": "<&>é"}, result=True)) == {"greeting": "hello <&>é"}
    ok(wsk.delete(f"actions/{name}"))
    refused(wsk.action_create("what?", exec=PYTHON), 144, "name")


def test_a_copy(wsk: Wsk) -> None:
    """--copy sends back what was read, all annotations too."""
    annotations = [{"key": "k", "value": {"deep": [1]}}]
    ok(wsk.action_create("wsk-orig", exec=PYTHON, annotations=annotations, parameters=[{"key": "name", "value": "C"}]))
    source = ok(wsk.get("actions/wsk-orig", code="true"))
    kept = {name: source[name] for name in ("exec", "annotations", "parameters")}
    copy = ok(wsk.action_create("wsk-copy", **kept))
    assert {annotation(copy, "k")["deep"][0], annotation(copy, "provide-api-key")} == {1, False}
    assert ok(wsk.invoke("wsk-copy", result=True)) == {"greeting": "hello C"}
    for name in ("wsk-orig", "wsk-copy"):
        ok(wsk.delete(f"actions/{name}"))


def test_a_sequence(wsk: Wsk) -> None:
    ok(wsk.action_create("wsk-x", exec=PYTHON))
    made = ok(wsk.action_create("wsk-seq", exec={"kind": "sequence", "components": ["/_/wsk-x", "/_/wsk-x"]}))
    assert made["exec"]["components"] == ["/guest/wsk-x", "/guest/wsk-x"]
    assert any("wsk-seq private sequence" in read_action_row(row) for row in ok(wsk.page("actions")))
    record = ok(wsk.invoke("wsk-seq", {"name": "D"}, blocking=True))
    assert [read_record_row(row)[0] for row in ok(wsk.page("activations")) if row["name"] == "wsk-seq"] == ["sequence"]
    assert len(recorded(wsk, record["activationId"])["logs"]) == 2
    for name in ("wsk-seq", "wsk-x"):
        ok(wsk.delete(f"actions/{name}"))


def test_a_web_action(wsk: Wsk, node: LiveNode) -> None:
    """--web true, --web-secure, and the way back; the URL that `wsk action get --url` prints."""
    flags = [{"key": name, "value": value} for name, value in (("web-export", True), ("raw-http", False))]
    code = "def main(args):\n    return {'body': args['__ow_method']}"
    ok(wsk.action_create("wsk-web", exec={"kind": "python:default", "code": code}, annotations=flags))
    got = ok(wsk.get("actions/wsk-web", code="false"))
    assert annotation(got, "web-export") is True
    path = f"/api/v1/web/{got['namespace']}/default/{got['name']}.http"
    assert node.request("GET", path, auth=None).body == b"get"
    secured = [*got["annotations"], {"key": "require-whisk-auth", "value": 2**53 - 1}]
    assert annotation(ok(wsk.action_update("wsk-web", annotations=secured)), "require-whisk-auth") == 2**53 - 1
    assert node.request("GET", path, auth=None).status == 401
    assert node.request("GET", path, auth=None, headers={"X-Require-Whisk-Auth": str(2**53 - 1)}).status == 200
    ok(wsk.action_update("wsk-web", annotations=flags, delAnnotations=["require-whisk-auth"]))
    assert node.request("GET", path, auth=None).status == 200
    ok(wsk.delete("actions/wsk-web"))


def test_errors_of_actions(wsk: Wsk) -> None:
    """A 502 without `code`: the record, or with -r the error; wsk exits with 246."""
    code = "def main(args):\n    if args.get('crash'):\n        raise ValueError('x')\n    return {'error': 'sold out'}"
    ok(wsk.action_create("wsk-fail", exec={"kind": "python:default", "code": code}))
    for payload, flags in (({}, {"blocking": True}), ({}, {"result": True}), ({"crash": 1}, {"result": True})):
        heard = wsk.invoke("wsk-fail", payload, **flags)
        assert (heard.exit_code(blocking=True), heard.message()) == (246, "application error"), heard
        assert "code" not in heard.json
    ok(wsk.delete("actions/wsk-fail"))


def test_a_call_that_lasts(wsk: Wsk, node: LiveNode) -> None:
    """202 on a blocking call: wsk tells the id and exits with 202."""
    ok(wsk.action_create("wsk-slow", exec={"kind": "python:default", "code": _SLOW}))
    heard = wsk.send("POST", "/api/v1/namespaces/_/actions/wsk-slow", {"blocking": "true", "timeout": 200}, {})
    assert heard.exit_code(blocking=True) == 202
    assert recorded(wsk, ok(heard, 202)["activationId"])["response"]["result"] == {"slow": True}
    ok(wsk.delete("actions/wsk-slow"))


_SLOW = "import time\ndef main(args):\n    time.sleep(1)\n    return {'slow': True}"


def test_packages_and_bindings(wsk: Wsk) -> None:
    parameters = [{"key": "name", "value": "P"}]
    ok(wsk.put("packages/wsk-p", {"namespace": "_", "name": "wsk-p", "parameters": parameters}))
    ok(wsk.put("packages/wsk-p", {"namespace": "_", "name": "wsk-p", "publish": True}, overwrite=True))
    ok(wsk.action_create("wsk-p/hello", exec=PYTHON))
    ok(wsk.put("packages/wsk-b", {"binding": {"namespace": "_", "name": "wsk-p"}}))
    got = ok(wsk.get("packages/wsk-p"))
    assert {"namespace", "name", "publish", "version", "annotations", "parameters", "actions", "feeds", "updated"} <= {
        *got
    }
    assert [action["name"] for action in got["actions"]] == ["hello"]
    assert ok(wsk.get("packages/wsk-b"))["binding"] == {"namespace": "guest", "name": "wsk-p"}
    assert ok(wsk.invoke("wsk-b/hello", result=True)) == {"greeting": "hello P"}
    listed = ok(wsk.page("actions/wsk-p/"))
    assert [read_action_row(row) for row in listed] == [f"/guest/wsk-p/hello private {annotation(listed[0], 'exec')}"]
    assert {"wsk-p", "wsk-b"} <= {row["name"] for row in ok(wsk.page("packages"))}
    refused(wsk.delete("packages/wsk-p"), 153, "Package not empty")
    refused(wsk.send("POST", "/api/v1/namespaces/_/packages/refresh", empty=True), 148, "could not be found")
    for path in ("actions/wsk-p/hello", "packages/wsk-b", "packages/wsk-p"):
        ok(wsk.delete(path))


def test_triggers_and_rules(wsk: Wsk) -> None:
    ok(wsk.action_create("wsk-r", exec=PYTHON))
    ok(wsk.put("triggers/wsk-t", {"name": "wsk-t", "parameters": [{"key": "name", "value": "T"}]}))
    assert ok(wsk.fire("wsk-t"), 204) is None
    rule = {"name": "wsk-rule", "status": "", "trigger": "/_/wsk-t", "action": "/_/wsk-r"}
    made = ok(wsk.put("rules/wsk-rule", rule))
    assert (made["status"], made["action"]) == ("active", {"path": "guest", "name": "wsk-r"})
    fired = ok(wsk.fire("wsk-t", {"name": "U"}), 202)["activationId"]
    line = json.loads(recorded(wsk, fired)["logs"][0])
    assert recorded(wsk, line["activationId"])["response"]["result"] == {"greeting": "hello U"}
    assert read_record_row(next(row for row in ok(wsk.page("activations")) if row["activationId"] == fired))
    assert wsk.set_rule("wsk-rule", "inactive").exit_code() == 0
    assert [ok(wsk.get(f"rules/{row['name']}"))["status"] for row in ok(wsk.page("rules"))] == ["inactive"]
    assert ok(wsk.fire("wsk-t"), 204) is None
    assert wsk.set_rule("wsk-rule", "active").exit_code() == 0
    assert ok(wsk.put("rules/wsk-rule", rule, overwrite=True))["version"] == "0.0.2"
    assert list(ok(wsk.get("triggers/wsk-t"))["rules"]) == ["guest/wsk-rule"]
    for path in ("rules/wsk-rule", "triggers/wsk-t", "actions/wsk-r"):
        ok(wsk.delete(path))


def test_a_trigger_of_a_feed(wsk: Wsk) -> None:
    """The trigger first, then the feed action; a failing feed takes the trigger away again."""
    code = "def main(args):\n    return {'error': 'no'} if args.get('bad') else {'event': args['lifecycleEvent']}"
    ok(wsk.action_create("wsk-feed", exec={"kind": "python:default", "code": code}))
    ok(wsk.put("triggers/wsk-ft", {"name": "wsk-ft", "annotations": [{"key": "feed", "value": "/_/wsk-feed"}]}))
    said = {"triggerName": "/_/wsk-ft", "authKey": GUEST}
    created = wsk.invoke("wsk-feed", {"lifecycleEvent": "CREATE", **said}, blocking=True)
    assert created.exit_code(blocking=True) == 0
    failed = wsk.invoke("wsk-feed", {"lifecycleEvent": "CREATE", "bad": 1, **said}, blocking=True)
    assert failed.exit_code(blocking=True) == 246
    assert annotation(ok(wsk.get("triggers/wsk-ft")), "feed") == "/_/wsk-feed"
    ok(wsk.invoke("wsk-feed", {"lifecycleEvent": "DELETE", **said}, blocking=True))
    ok(wsk.delete("triggers/wsk-ft"))
    ok(wsk.delete("actions/wsk-feed"))


@pytest.mark.scenario("K05")
def test_activations_and_their_poll(wsk: Wsk) -> None:
    ok(wsk.action_create("wsk-v", exec=PYTHON))
    assert wsk.get("activations", docs="true", limit=1, skip=0).status == 200
    since = int(time.time() * 1000)
    called = [ok(wsk.invoke("wsk-v", blocking=True))["activationId"] for _ in range(3)]
    for activation_id in called:
        recorded(wsk, activation_id)
    polled = ok(wsk.get("activations", docs="true", limit=0, since=since, skip=0, name="wsk-v"))
    assert [record["activationId"] for record in polled] == called[::-1]
    assert [_STRIP.sub("", line) for record in polled for line in record["logs"]] == ["seen"] * 3
    last = ok(wsk.get("activations", limit=1, skip=0))[0]
    assert last["activationId"] == called[-1]
    rows = ok(wsk.get("activations", limit=30, skip=0, name="wsk-v"))
    assert {read_record_row(row)[2] for row in rows} == {"success"}
    assert ok(wsk.get(f"activations/{called[0]}/logs"))["logs"] == polled[-1]["logs"]
    assert ok(wsk.get(f"activations/{called[0]}/result"))["result"] == {"greeting": "hello you"}
    assert ok(wsk.get("activations", limit=1, skip=0, name="wsk-none")) == []
    ok(wsk.delete("actions/wsk-v"))


def test_the_summary_of_a_namespace(wsk: Wsk) -> None:
    """`wsk namespace get`: everything at once, with limit 0."""
    for collection in ("actions", "packages", "triggers", "rules"):
        assert isinstance(ok(wsk.get(collection, limit=0, skip=0)), list)


@pytest.mark.scenario("K02")
def test_apis(wsk: Wsk, node: LiveNode) -> None:
    web = [{"key": "web-export", "value": True}, {"key": "final", "value": True}]
    code = "def main(args):\n    return {'body': {'q': args.get('q')}}"
    ok(wsk.action_create("wsk-api", exec={"kind": "python:default", "code": code}, annotations=web))
    assert annotation(ok(wsk.get("actions/wsk-api", code="false")), "web-export") is True
    backend = {
        "name": "wsk-api",
        "namespace": "guest",
        "backendMethod": "get",
        "backendUrl": f"{node.url}/api/v1/web/guest/default/wsk-api.http",
        "authkey": GUEST,
        "secureKey": None,
    }
    apidoc = {
        "namespace": "guest",
        "gatewayBasePath": "/wsk",
        "gatewayPath": "/y",
        "gatewayMethod": "GET",
        "apiName": "shop",
        "id": "API:guest:/wsk",
        "pathParameters": [],
        "action": backend,
    }
    made = ok(wsk.api("POST", "createApi", {"apidoc": apidoc}, responsetype="http"))
    assert node.request("GET", made["gwApiUrl"].removeprefix(node.url) + "/y?q=1", auth=None).json == {"q": "1"}
    shown = ok(wsk.api("GET", "getApi", limit=30, skip=0))["apis"][0]["value"]
    assert (shown["apidoc"]["basePath"], shown["apidoc"]["info"]["title"]) == ("/wsk", "shop")
    operation = shown["apidoc"]["paths"]["/y"]["get"]
    assert operation["operationId"]
    assert {"namespace", "action", "url"} <= {*operation["x-openwhisk"]}
    assert len(ok(wsk.api("GET", "getApi", basepath="/wsk"))["apis"]) == 1
    assert wsk.api("DELETE", "deleteApi", basepath="/wsk").exit_code() == 0
    assert ok(wsk.api("GET", "getApi", limit=30, skip=0))["apis"] == []
    ok(wsk.delete("actions/wsk-api"))


@pytest.mark.scenario("K07")
def test_a_project_is_deployed_twice_and_undeployed(wsk: Wsk) -> None:
    """What wskdeploy sends: everything with overwrite, rules made active by a second request."""
    info = ok(wsk.send("GET", "/", auth=False))
    assert {"kind", "default", "deprecated"} <= {*info["runtimes"]["python"][0]}
    assert "limits" in info
    entities = [
        ("packages/wsk-pro", {"namespace": "_", "name": "wsk-pro", "version": "1.0", "publish": False}),
        ("actions/wsk-pro/a", {"namespace": "_", "name": "wsk-pro/a", "exec": PYTHON, "publish": False}),
        ("actions/wsk-pro/s", {"name": "wsk-pro/s", "exec": {"kind": "sequence", "components": ["/_/wsk-pro/a"]}}),
        ("triggers/wsk-pt", {"namespace": "_", "name": "wsk-pt", "publish": False}),
        ("rules/wsk-pr", {"name": "wsk-pr", "status": "", "trigger": "/_/wsk-pt", "action": "/_/wsk-pro/s"}),
    ]
    for _ in range(2):
        for path, body in entities:
            ok(wsk.put(path, body, overwrite=True))
        assert wsk.set_rule("wsk-pr", "active").exit_code() == 0
    assert ok(wsk.get("packages/wsk-pro"))["version"].startswith("1.0.")
    assert ok(wsk.fire("wsk-pt"), 202)["activationId"]
    for path, _ in reversed(entities):
        ok(wsk.get(path))
        ok(wsk.delete(path))
    assert all("wsk-p" not in row["name"] for kind in ("packages", "triggers") for row in ok(wsk.page(kind, 0)))


def test_wrong_keys(node: LiveNode) -> None:
    stranger = Wsk(node.url, "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:" + "x" * 64)
    heard = stranger.page("actions")
    assert heard.exit_code() == 145
    refused(heard, 145, "")
