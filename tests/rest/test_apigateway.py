"""`wsk api` against the server, and the APIs it makes."""

from __future__ import annotations

from typing import Any

import pytest

from owactors.rest.answer import Answer
from tests.rest.chainbench import Bench, played, shown

MANAGEMENT = "/whisk.system/apimgmt"


def apidoc(path: str = "/y", method: str = "get", action: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "apidoc": {
            "namespace": "_",
            "gatewayBasePath": "/x",
            "gatewayPath": path,
            "gatewayMethod": method,
            "id": "API:_:/x",
            "action": {
                "name": action,
                "namespace": "_",
                "backendMethod": method,
                "backendUrl": f"http://h/api/v1/web/_/default/{action}.http",
                "authkey": "k",
                **more,
            },
        }
    }


async def create(bench: Bench, body: Any, query: str = "responsetype=json") -> Answer:
    sent = {"Host": "gate:1"}
    path = f"{MANAGEMENT}/createApi.http?accesstoken=DUMMY+TOKEN&spaceguid=x&{query}"
    return await bench.web("POST", path, body, user="guest", headers=sent)


@pytest.mark.scenario("K02")
def test_an_api_is_made_and_called() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: {"got": c.get("q")}, {"web-export": True})
        made = await create(bench, apidoc())
        assert made.status == 200
        assert shown(made)["gwApiUrl"] == "http://gate:1/apis/guest/x"
        assert shown(made)["gwApiActivated"] is True
        assert shown(await api_call(bench, "GET", "/x/y?q=1")) == {"got": "1"}
        assert (await api_call(bench, "POST", "/x/y")).status == 405
        assert (await api_call(bench, "GET", "/x/z")).status == 404
        assert (await api_call(bench, "OPTIONS", "/x/y")).status == 200

    played(scene)


async def api_call(bench: Bench, method: str, path: str) -> Answer:
    """A request outside of /api/v1."""
    return await bench.anywhere(method, f"/apis/guest{path}")


def test_secured_actions_and_path_parameters() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function(
            "a", lambda c: {"body": c["__ow_path"]}, {"web-export": True, "require-whisk-auth": "s3cret"}
        )
        await create(bench, apidoc("/b/{id}", secureKey="s3cret"), "responsetype=http")
        answer = await api_call(bench, "GET", "/x/b/7%20a")
        assert (answer.status, answer.body) == (200, b"/x/b/7%20a")

    played(scene)


def test_apis_are_listed_and_removed() -> None:
    async def scene(bench: Bench) -> None:
        await create(bench, apidoc("/y"))
        await create(bench, apidoc("/z", "post"))
        listed = shown(await bench.web("GET", f"{MANAGEMENT}/getApi.http", user="guest"))["apis"]
        assert [sorted(each["value"]["apidoc"]["paths"]) for each in listed] == [["/y", "/z"]]
        where = f"{MANAGEMENT}/deleteApi.http?basepath=/x"
        assert (await bench.web("DELETE", f"{where}&relpath=/y&operation=get", user="guest")).status == 200
        left = shown(await bench.web("GET", f"{MANAGEMENT}/getApi.http?basepath=/x", user="guest"))["apis"]
        assert list(left[0]["value"]["apidoc"]["paths"]) == ["/z"]
        assert (await bench.web("DELETE", where, user="guest")).status == 200
        gone = await bench.web("DELETE", where, user="guest")
        assert gone.status == 400
        assert shown(gone)["error"] == "API deletion failure: API '/x' does not exist"
        assert shown(await bench.web("GET", f"{MANAGEMENT}/getApi", user="guest")) == {"apis": []}

    played(scene)


def test_a_document_is_uploaded() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: {"ok": True}, {"web-export": True})
        url = "http://h/api/v1/web/guest/default/a.json"
        operation = {"x-openwhisk": {"url": url, "action": "a", "namespace": "guest", "package": "default"}}
        document = {"swagger": "2.0", "basePath": "/up", "paths": {"/y": {"get": operation}}}
        assert (await create(bench, {"apidoc": {"swagger": document}})).status == 200
        assert shown(await api_call(bench, "GET", "/up/y")) == {"ok": True}

    played(scene)


def test_refusals() -> None:
    async def scene(bench: Bench) -> None:
        anonymous = await bench.web("POST", f"{MANAGEMENT}/createApi.http", apidoc())
        assert (anonymous.status, shown(anonymous)["error"]) == (401, "A valid auth key is required.")
        empty = await create(bench, {})
        assert (empty.status, shown(empty)["error"]) == (400, "API creation failure: apidoc is required.")
        assert (await create(bench, {"apidoc": "{"})).status == 400
        assert (await bench.web("GET", f"{MANAGEMENT}/other.http", user="guest")).status == 404

    played(scene)


def test_an_installed_package_comes_first() -> None:
    async def scene(bench: Bench) -> None:
        await bench.subject("whisk.system")
        bench.functions.bodies["getApi"] = lambda c: {"mine": True}
        package = "/namespaces/whisk.system/packages/apimgmt"
        await bench.request("PUT", package, {"publish": True}, user="whisk.system")
        code = {"exec": {"kind": "nodejs:20", "code": "-"}, "annotations": [{"key": "web-export", "value": True}]}
        path = "/namespaces/whisk.system/actions/apimgmt/getApi"
        await bench.request("PUT", path, code, user="whisk.system")
        assert shown(await bench.web("GET", f"{MANAGEMENT}/getApi.json", user="guest")) == {"mine": True}

    played(scene)
