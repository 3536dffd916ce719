"""The JSON bodies of /init and /run. (OpenWhisk, ContainerProxy.scala, initializeAndRun; WhiskAction.scala.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from owactors.entity.action import WhiskAction
from owactors.entity.exec import BlackBoxExec, CodeExec
from owactors.message.container import Run
from owactors.message.payload import json_bytes

DEFAULT_MAIN = "main"


def call_environment(run: Run) -> dict[str, Any]:
    """What a call tells the action beside its arguments: who, what, which; and the API key unless it is kept back.

    All values are strings. The deadline is missing: it depends on when the call begins.
    """
    action, msg = run.action, run.msg
    keys = msg.user.authkey if action.provides_api_key else {}
    return {
        **keys,
        "namespace": msg.user.namespace.name,
        "action_name": f"/{msg.action.doc_id}",
        "action_version": str(msg.action.version or action.version),
        "activation_id": msg.activation_id,
        "transaction_id": msg.transid.id,
    }


def deadline(now: float, timeout: int) -> str:
    """Epoch milliseconds, as text, at which a call that begins at `now` (seconds) with `timeout` (ms) is over."""
    return str(int(now * 1000) + timeout)


def run_body(run: Run, arguments: Any, now: float) -> dict[str, Any]:
    """The body of /run for a call that begins at `now`."""
    return {
        "value": arguments,
        **call_environment(run),
        "deadline": deadline(now, run.action.limits.timeout),
    }


def init_body(run: Run, environment: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The body of /init that begins at `now`; `environment` holds the arguments marked for init."""
    own = {**call_environment(run), "deadline": deadline(now, run.action.limits.timeout)}
    variables = {name: _as_text(value) for name, value in environment.items()}
    variables.update({f"__OW_{name.upper()}": _as_text(value) for name, value in own.items()})
    return {"value": {**_code_of(run.action), "env": variables}}


def _code_of(action: WhiskAction) -> dict[str, Any]:
    exec = action.exec
    if not isinstance(exec, (CodeExec, BlackBoxExec)):
        raise TypeError(f"{action.doc_id} is a sequence: it has no code to initialize a container with")
    form = {"name": action.name, "main": exec.main or DEFAULT_MAIN, "binary": exec.binary}
    if exec.code is not None:
        form["code"] = exec.code
    return form


def _as_text(value: Any) -> str:
    """A JSON value as the value of an environment variable."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json_bytes(value).decode()
