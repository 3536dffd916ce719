"""The API does what its own description says: Schemathesis makes requests from it and checks every answer."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse
from owactors.message.activation import ActivationMessage
from owactors.rest.swagger import api_document, server_document
from tests.rest.world import GUEST, World, echo


def no_fault_of_the_server(ctx: Any, response: Any, case: Any) -> None:
    """No status from 500 on; but 502 tells of an error of the action that ran."""
    ran = response.status_code == 502 and "x-openwhisk-activation-id" in response.headers
    assert response.status_code < 500 or ran, response.text


CHECKS = [no_fault_of_the_server, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 10
AUTHORIZED = {"Authorization": "Basic " + base64.b64encode(GUEST.encode()).decode()}
#: names that stand for something, so that more than 404 is seen
KNOWN = {
    "namespace": ("guest", "_", "guest", "guest", "alice"),
    "packageName": ("pack", "default", "bound"),
    "actionName": ("act", "chain", "pack"),
    "triggerName": ("trig", "act"),
    "ruleName": ("rule", "trig"),
}
KNOWN_TO_ANYBODY = {"namespace": ("guest",), "packageName": ("default",), "actionName": ("act",)}
_FUNCTION = {"exec": {"kind": "nodejs:20", "code": "function main(p){return p}"}}


def echo_or_fail(message: ActivationMessage, action: WhiskAction) -> ActivationResponse:
    """An application error now and then."""
    if len(message.content) % 3 == 2:
        return ActivationResponse.application_error("no", 4)
    return echo(message, action)


async def furnish(world: World) -> str:
    """Puts there what `KNOWN` names; the id of a record."""
    web = [{"key": "web-export", "value": True}]
    for path, body in (
        ("packages/pack", {"publish": True}),
        ("packages/bound", {"binding": {"namespace": "_", "name": "pack"}}),
        ("actions/act", {**_FUNCTION, "annotations": web}),
        ("actions/pack/act", _FUNCTION),
        ("actions/chain", {"exec": {"kind": "sequence", "components": ["/_/act"]}}),
        ("triggers/trig", {}),
        ("rules/rule", {"trigger": "/_/trig", "action": "/_/act"}),
    ):
        await world.ask("PUT", f"{path}?overwrite=true", body)
    return str((await world.ask("POST", "actions/act?blocking=true", {})).json()["activationId"])


@pytest.fixture(scope="module")
def world() -> World:
    made = asyncio.run(World().open())
    made.invoker.behaviour = echo_or_fail
    made.invoker.states = {"invoker0/0": "up"}
    return made


def _operations(document: dict[str, Any]) -> list[Any]:
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document)))
    return [pytest.param(found.ok(), id=found.ok().label) for found in schema.get_all_operations()]


def _play(operation: Any, world: World, mode: GenerationMode, known: dict[str, tuple[str, ...]]) -> None:
    operation.schema.app = world.application
    operation.app = world.application

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def one(case: Any, data: st.DataObject) -> None:
        for name in case.path_parameters or {}:
            if name in known and data.draw(st.integers(0, 5)) < 5:
                case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
        if isinstance(case.body, dict) and "exec" in case.body and data.draw(st.booleans()):
            case.body["exec"] = _FUNCTION["exec"]
        # what a web action says, and in which form, is its own business
        checks = CHECKS[:2] if operation.path.startswith("/web/") else CHECKS
        case.call_and_validate(checks=checks, headers=AUTHORIZED)

    one()


def _with_modes(document: dict[str, Any]) -> Iterator[Any]:
    """Every operation with requests that are as described and, where there is something to it, that are not."""
    for found in _operations(document):
        (operation,) = found.values
        yield pytest.param(operation, GenerationMode.POSITIVE, id=f"{operation.label}-valid")
        if operation.path_parameters or operation.query or operation.body:
            yield pytest.param(operation, GenerationMode.NEGATIVE, id=f"{operation.label}-invalid")


@pytest.mark.parametrize("operation, mode", list(_with_modes(api_document())))
def test_api(operation: Any, mode: GenerationMode, world: World) -> None:
    record = asyncio.run(furnish(world))
    known = KNOWN_TO_ANYBODY if operation.path.startswith("/web/") else {**KNOWN, "activationid": (record,)}
    _play(operation, world, mode, known)


@pytest.mark.parametrize("operation", _operations(server_document()))
def test_server(operation: Any, world: World) -> None:
    _play(operation, world, GenerationMode.POSITIVE, {})
