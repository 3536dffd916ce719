"""Web actions over the API."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from owactors.core.controller.throttle import Throttles
from owactors.entity.activation import ActivationResponse
from owactors.rest.ports import RestSettings
from tests.rest.chainbench import Bench, header, played, shown

WEB = {"web-export": True}
HERE = "/guest/default"


def echo(content: Any) -> Any:
    return {key: value for key, value in content.items() if key != "__ow_headers"}


@pytest.mark.scenario("W01")
def test_a_get() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, WEB)
        answer = await bench.web("GET", f"{HERE}/a.json?a=b")
        assert answer.status == 200
        assert shown(answer) == {"a": "b", "__ow_method": "get", "__ow_path": ""}
        assert answer.content_type == b"application/json"
        assert header(answer, "x-openwhisk-activation-id") == bench.functions.messages[0].activation_id
        assert header(answer, "access-control-allow-origin") == "*"

    played(scene)


@pytest.mark.scenario("W02")
@pytest.mark.parametrize("annotations", [{}, {"web-export": "true"}, {"web-export": False}])
def test_not_exported(annotations: dict[str, Any]) -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, annotations)
        assert (await bench.web("GET", f"{HERE}/a.json")).status == 404
        assert (await bench.web("GET", f"{HERE}/a.json", user="guest")).status == 404
        assert bench.functions.messages == []

    played(scene)


@pytest.mark.scenario("W02")
@pytest.mark.parametrize("path", [f"{HERE}/no.json", "/guest/no/a.json", "/nobody/default/a.json", "/_/default/a"])
def test_not_there(path: str) -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, WEB)
        answer = await bench.web("GET", path)
        assert answer.status == 404
        assert shown(answer)["error"] == "The requested resource does not exist."
        assert b"\n" in answer.body

    played(scene)


@pytest.mark.parametrize("path", ["/guest", "/guest/default", "/guest/default/", "/guest/default/$", "/$/default/a"])
def test_no_action_is_named(path: str) -> None:
    async def scene(bench: Bench) -> None:
        anonymous = await bench.web("GET", path)
        assert anonymous.status == 401
        assert header(anonymous, "www-authenticate")
        assert (await bench.web("GET", path, user="guest")).status == 404

    played(scene)


@pytest.mark.scenario("W08")
def test_unknown_extension_is_part_of_the_name() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, WEB)
        assert (await bench.web("GET", f"{HERE}/a.xml")).status == 404
        assert (await bench.web("GET", f"{HERE}/a.json.json")).status == 404

    played(scene)


@pytest.mark.scenario("W07")
def test_cookies() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: {"headers": {"Set-Cookie": ["a=b", "c=d"]}}, WEB)
        answer = await bench.web("GET", f"{HERE}/a")
        assert answer.status == 204
        assert [value for name, value in answer.headers if name == b"set-cookie"] == [b"a=b", b"c=d"]

    played(scene)


def test_path_and_context() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: {"body": c}, WEB)
        answer = await bench.web("GET", f"{HERE}/a.http/x%20y/z/?q=1", headers={"X-Mine": "v"})
        found = shown(answer)
        assert found["__ow_path"] == "/x%20y/z/"
        assert found["__ow_headers"] == {"x-mine": "v"}
        assert "__ow_user" not in found

    played(scene)


@pytest.mark.scenario("W10")
def test_authentication_required() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, {**WEB, "require-whisk-auth": True})
        refused = await bench.web("GET", f"{HERE}/a.json")
        assert refused.status == 401
        assert header(refused, "access-control-allow-origin") == "*"
        admitted = await bench.web("GET", f"{HERE}/a.json", user="guest")
        assert shown(admitted)["__ow_user"] == "guest"

    played(scene)


@pytest.mark.scenario("W11")
def test_secret_required() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, {**WEB, "require-whisk-auth": "s3cret"})
        good, bad = {"X-Require-Whisk-Auth": "s3cret"}, {"X-Require-Whisk-Auth": "other"}
        assert (await bench.web("GET", f"{HERE}/a.json", headers=good)).status == 200
        assert (await bench.web("GET", f"{HERE}/a.json", headers=bad)).status == 401
        assert (await bench.web("GET", f"{HERE}/a.json", user="guest")).status == 401

    played(scene)


@pytest.mark.scenario("W12")
def test_options() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, WEB)
        asked = {"Access-Control-Request-Headers": "x-custom,x-b", "Origin": "http://o"}
        answer = await bench.web("OPTIONS", f"{HERE}/a.json", headers=asked)
        assert (answer.status, answer.body) == (200, b"")
        assert header(answer, "access-control-allow-headers") == "x-custom, x-b"
        assert bench.functions.messages == []
        await bench.function("b", echo, {**WEB, "web-custom-options": True})
        custom = await bench.web("OPTIONS", f"{HERE}/b.json")
        assert shown(custom)["__ow_method"] == "options"
        assert header(custom, "access-control-allow-origin") is None

    played(scene)


@pytest.mark.scenario("W13")
def test_raw() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: {"body": c}, {**WEB, "raw-http": True})
        text = await bench.web("POST", f"{HERE}/a?x=1", raw=b"plain", headers={"Content-Type": "text/plain"})
        assert (shown(text)["__ow_body"], shown(text)["__ow_query"]) == ("plain", "x=1")
        encoded = await bench.web("POST", f"{HERE}/a", {"k": "v"})
        assert base64.b64decode(shown(encoded)["__ow_body"]) == b'{"k": "v"}'

    played(scene)


@pytest.mark.scenario("W15")
def test_what_may_not_be_set() -> None:
    async def scene(bench: Bench) -> None:
        fixed = [{"key": "fixed", "value": 1}]
        await bench.function("a", echo, {**WEB, "final": True}, parameters=fixed)
        for query in ("__ow_user=me", "fixed=2"):
            answer = await bench.web("GET", f"{HERE}/a.json?{query}")
            assert answer.status == 400
            assert "not allowed" in shown(answer)["error"]
        assert shown(await bench.web("GET", f"{HERE}/a.json?other=2"))["fixed"] == 1

    played(scene)


@pytest.mark.scenario("W16")
def test_bad_credentials_are_nobody() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, WEB)
        answer = await bench.web("GET", f"{HERE}/a.json", user="nobody")
        assert answer.status == 200
        assert "__ow_user" not in shown(answer)

    played(scene)


@pytest.mark.scenario("W17")
def test_too_slow() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, WEB)
        bench.functions.silent.add("a")
        answer = await bench.web("GET", f"{HERE}/a.json")
        assert answer.status == 202
        assert shown(answer)["error"] == "Response not yet ready."
        assert header(answer, "x-openwhisk-activation-id")

    played(scene, Bench(settings=RestSettings(blocking_wait=0.01)))


@pytest.mark.scenario("W18")
def test_too_large_for_the_owner() -> None:
    async def scene(bench: Bench) -> None:
        await bench.subject("small", {"maxPayloadSize": "10 B"})
        await bench.request("PUT", "/namespaces/_/actions/x", {"exec": {"kind": "nodejs:20", "code": "-"}})
        body = {"exec": {"kind": "nodejs:20", "code": "-"}, "annotations": [{"key": "web-export", "value": True}]}
        assert (await bench.request("PUT", "/namespaces/small/actions/a", body, user="small")).status == 200
        answer = await bench.web("POST", "/small/default/a.json", {"text": "much too long"})
        assert answer.status == 413
        assert shown(answer)["error"].startswith("Request larger than allowed: ")

    played(scene)


@pytest.mark.scenario("W19")
def test_the_owner_is_charged() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, WEB)
        await bench.subject("other")
        assert (await bench.web("GET", f"{HERE}/a.json", user="other")).status == 200
        answer = await bench.web("GET", f"{HERE}/a.json", user="other")
        assert answer.status == 429
        assert shown(answer)["error"].startswith("Too many requests in the last minute (count: 2, allowed: 1)")

    played(scene, Bench(throttles=Throttles(1, 10, 10)))


@pytest.mark.scenario("W20")
def test_not_acceptable() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: {"html": "x"}, WEB)
        answer = await bench.web("GET", f"{HERE}/a.html", headers={"Accept": "application/json"})
        assert answer.status == 406

    played(scene)


@pytest.mark.scenario("W09")
def test_errors_of_the_action() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: ActivationResponse.developer_error("secret"), WEB)
        answer = await bench.web("GET", f"{HERE}/a.json")
        assert answer.status == 400
        assert b"secret" not in answer.body
        assert header(answer, "x-openwhisk-activation-id")

    played(scene)


def test_malformed_json() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", echo, WEB)
        sent = {"Content-Type": "application/json"}
        answer = await bench.web("POST", f"{HERE}/a.json", raw=b"{", headers=sent)
        assert answer.status == 400
        assert shown(answer)["error"].startswith("The request content was malformed:\n")

    played(scene)


def test_an_array_is_a_result() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: [1, 2], WEB)
        assert shown(await bench.web("GET", f"{HERE}/a.json")) == [1, 2]
        assert (await bench.web("GET", f"{HERE}/a.http")).status == 400

    played(scene)


def test_in_a_package_and_as_a_sequence() -> None:
    async def scene(bench: Bench) -> None:
        package = {"parameters": [{"key": "pp", "value": "from package"}]}
        await bench.request("PUT", "/namespaces/_/packages/p", package)
        await bench.function("p/w", lambda c: {"pp": c["pp"]}, WEB)
        assert shown(await bench.web("GET", "/guest/p/w.json")) == {"pp": "from package"}
        assert shown(await bench.web("GET", "/guest/p/w.json?pp=o")) == {"pp": "o"}
        await bench.sequence("s", "/_/p/w", annotations=WEB)
        assert shown(await bench.web("GET", f"{HERE}/s.json")) == {"pp": "from package"}

    played(scene)


def test_a_web_call_does_not_wait_for_others() -> None:
    async def scene(bench: Bench) -> None:
        gate = asyncio.Event()

        async def slow(content: Any) -> Any:
            await gate.wait()
            return {}

        await bench.function("slow", slow, WEB)
        await bench.function("fast", echo, WEB)
        waiting = asyncio.create_task(bench.web("GET", f"{HERE}/slow.json"))
        assert (await bench.web("GET", f"{HERE}/fast.json")).status == 200
        gate.set()
        assert (await waiting).status == 200

    played(scene)
