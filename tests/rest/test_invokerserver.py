"""The HTTP server of an invoker."""

import base64

import pytest

from owactors.rest.invokerserver import InvokerServer


class Control:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.text: bytes | None = b"figures"

    def enable(self) -> str:
        self.calls.append("enable")
        return "invoker0 is now enabled."

    def disable(self) -> str:
        self.calls.append("disable")
        return "invoker0 is now disabled."

    def is_enabled(self) -> bool:
        return self.calls[-1:] != ["disable"]

    def metrics(self) -> bytes | None:
        return self.text


def basic(pair: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Basic " + base64.b64encode(pair.encode())}


VALID = basic("user:secret")


@pytest.fixture
def control() -> Control:
    return Control()


@pytest.fixture
def server(control: Control) -> InvokerServer:
    return InvokerServer(control, "user", "secret")


@pytest.mark.scenario("IN-01")
def test_with_credentials_it_is_enabled_disabled_and_asked(server: InvokerServer, control: Control) -> None:
    disabled = server.answer("POST", "/disable", VALID)
    assert (disabled.status, disabled.body) == (200, b"invoker0 is now disabled.")
    asked = server.answer("GET", "/isEnabled", VALID)
    assert (asked.status, asked.body, asked.content_type) == (200, b'{"enabled":false}', b"application/json")
    assert server.answer("POST", "/enable", VALID).body == b"invoker0 is now enabled."
    assert server.answer("GET", "/isEnabled", VALID).body == b'{"enabled":true}'
    assert control.calls == ["disable", "enable"]


@pytest.mark.scenario("IN-02")
@pytest.mark.parametrize(
    "headers",
    [{}, basic("user:wrong"), basic("other:secret"), {b"authorization": b"Basic %%%"}, {b"authorization": b"x"}],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/enable"), ("POST", "/disable"), ("GET", "/isEnabled")])
def test_without_them_nothing_happens(
    server: InvokerServer, control: Control, headers: dict[bytes, bytes], method: str, path: str
) -> None:
    assert server.answer(method, path, headers).status == 401
    assert control.calls == []


def test_ping_and_metrics_are_open_and_the_rest_is_not_found(server: InvokerServer, control: Control) -> None:
    assert server.answer("GET", "/ping", {}).body == b"pong"
    assert server.answer("GET", "/metrics", {}).body == b"figures"
    control.text = None
    assert server.answer("GET", "/metrics", {}).status == 404
    assert server.answer("GET", "/enable", VALID).status == 404
    assert server.answer("GET", "/pool", VALID).status == 404
    assert server.answer("GET", "/pool", {}).status == 401
