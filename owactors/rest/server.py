"""The routes of the server itself, outside `/api/v1`. (OpenWhisk, Controller.scala, BasicRasService.scala.)"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from owactors.core.controller import messages
from owactors.core.controller.rejection import Rejection
from owactors.entity.manifest import ExecManifest, RuntimeManifest
from owactors.rest import swagger
from owactors.rest.answer import CHALLENGE, SERVER_CORS, Answer, json_answer, ok, text_answer
from owactors.rest.ports import Services
from owactors.rest.request import Request

_MB = 1024 * 1024
_UP = "up"


def runtimes_shown(manifest: ExecManifest) -> dict[str, list[dict[str, Any]]]:
    """The kinds by family, as clients list them."""
    shown: dict[str, list[dict[str, Any]]] = {}
    for family, entries in manifest.to_json().get("runtimes", {}).items():
        kinds = [manifest.runtimes[entry["kind"]] for entry in entries]
        shown[family] = [_runtime_shown(kind, kind.kind == manifest.defaults.get(family)) for kind in kinds]
    return shown


def _runtime_shown(runtime: RuntimeManifest, default: bool) -> dict[str, Any]:
    return {
        "kind": runtime.kind,
        "image": str(runtime.image),
        "deprecated": runtime.deprecated,
        "default": default,
        "attached": runtime.attached,
        "requireMain": runtime.require_main,
    }


class Server:
    """Answers what is outside the API's prefix; no credentials are asked for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._get: dict[str, Callable[[], Answer]] = {
            "/": lambda: json_answer(self._info()),
            "/ping": lambda: text_answer("pong"),
            "/invokers": lambda: json_answer(dict(services.publisher.invoker_states())),
            "/invokers/healthy/count": lambda: json_answer(self._healthy()),
            "/invokers/ready": self._ready,
            "/docs": lambda: swagger.user_interface("/api-docs"),
            "/api-docs": lambda: json_answer(swagger.server_document()),
            "/activation": lambda: json_answer([list(item) for item in services.publisher.active().items()]),
            "/activation/count": lambda: json_answer(len(services.publisher.active())),
        }
        if services.metrics is not None:
            self._get["/metrics"] = self._metrics

    async def answer(self, request: Request) -> Answer:
        """Rejection 405 for what there is not."""
        path = request.path.rstrip("/") or "/"
        if request.method == "OPTIONS":
            return ok().with_headers(SERVER_CORS)
        handler = self._get.get(path)
        if request.method == "GET" and handler is not None:
            return handler().with_headers(SERVER_CORS)
        if path == "/disable" and request.method == "POST" and self._services.disable is not None:
            return self._disable(request).with_headers(SERVER_CORS)
        return self._not_allowed(request, path)

    def _not_allowed(self, request: Request, path: str) -> Answer:
        methods = "OPTIONS"
        if path in self._get:
            methods = "GET, OPTIONS"
        elif path == "/disable" and self._services.disable is not None:
            methods = "POST, OPTIONS"
        body = {"error": messages.method_not_allowed(methods), "code": request.transid.id}
        return json_answer(body, 405, ((b"allow", methods.encode()),))

    def _healthy(self) -> int:
        return sum(state == _UP for state in self._services.publisher.invoker_states().values())

    def _ready(self) -> Answer:
        healthy, known = self._healthy(), len(self._services.publisher.invoker_states())
        if known and healthy == known:
            return json_answer({"healthy": f"{healthy}/{known}"})
        return json_answer({"unhealthy": f"{known - healthy}/{known}"}, 500)

    def _metrics(self) -> Answer:
        assert self._services.metrics is not None
        return Answer(200, self._services.metrics(), b"text/plain; version=0.0.4; charset=utf-8")

    def _disable(self, request: Request) -> Answer:
        settings = self._services.settings
        pair = _basic(request.header(b"authorization"))
        if pair is None:
            raise Rejection(401)
        if pair != (settings.admin_user, settings.admin_password):
            raise Rejection(401, "username or password are wrong.")
        if self._services.disable is not None:
            self._services.disable()
        return text_answer("controller is disabled")

    def _info(self) -> dict[str, Any]:
        return {
            "description": "OpenWhisk",
            "support": {
                "github": "https://github.com/apache/openwhisk/issues",
                "slack": "http://slack.openwhisk.org",
            },
            "api_paths": ["/api/v1"],
            "limits": self._limits(),
            "runtimes": runtimes_shown(self._services.manifest),
        }

    def _limits(self) -> dict[str, int]:
        system = self._services.settings.limits
        bounds = system.bounds
        ranges = {
            "action_duration": (bounds.timeout.min, bounds.timeout.max),
            "action_memory": (bounds.memory.min * _MB, bounds.memory.max * _MB),
            "action_logs": (bounds.logs.min * _MB, bounds.logs.max * _MB),
        }
        shown = {
            "actions_per_minute": system.invocations_per_minute,
            "triggers_per_minute": system.fires_per_minute,
            "concurrent_actions": system.concurrent_invocations,
            "sequence_length": system.sequence_length,
        }
        for what, (least, most) in ranges.items():
            for prefix in ("", "default_"):
                shown[f"{prefix}min_{what}"] = least
                shown[f"{prefix}max_{what}"] = most
        return shown


def _basic(header: str | None) -> tuple[str, str] | None:
    if header is None or not header.lower().startswith("basic "):
        return None
    try:
        user, _, password = base64.b64decode(header[6:].strip()).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return user, password


def refusal_headers(rejection: Rejection) -> tuple[tuple[bytes, bytes], ...]:
    """Headers of a refusal outside the API's prefix."""
    return (*SERVER_CORS, *CHALLENGE) if rejection.status == 401 else SERVER_CORS
