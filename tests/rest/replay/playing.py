"""Playing a case: all of its steps in order, whatever became of the ones before."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from typing import Any

from tests.rest.replay.cases import Json, case_variables, filled
from tests.rest.replay.comparing import step_differences
from tests.rest.replay.talking import Reply, Transport, request_of

_PAUSE = 0.05


async def play(case: Json, transport: Transport, key: str, run: str, namespace: str = "guest") -> list[str]:
    """The differences of a case, each with the step it was found in; none if all went as recorded."""
    variables = case_variables(case, run, namespace, transport.host)
    found: list[str] = []
    for number, step in enumerate(case["steps"], 1):
        where = f"step {number} {step['request']['method']} {step['request']['path']}"
        try:
            reply = await _perform(step, transport, key, variables)
        except (OSError, http.client.HTTPException) as error:
            found.append(f"{where}: {type(error).__name__}: {error}")
            continue
        if step["role"] != "cleanup":
            expect = filled(step["expect"], variables)
            lines = step_differences(expect, step.get("ignore", ()), step["role"], reply)
            found += [f"{where}: {line}" for line in lines]
    return found


async def _perform(step: Json, transport: Transport, key: str, variables: Json) -> Reply:
    request = request_of(filled(step["request"], variables), key)
    reply = await transport.send(request)
    if "poll" in step:
        end = time.monotonic() + step["poll"]["seconds"]
        while not _settled(step["poll"], reply) and time.monotonic() < end:
            await asyncio.sleep(_PAUSE)
            reply = await transport.send(request)
    for name, source in step.get("save", {}).items():
        variables[name] = _kept(source, reply)
    return reply


def _settled(poll: Json, reply: Reply) -> bool:
    if reply.status != poll.get("status", 200):
        return False
    return "count" not in poll or len(json.loads(reply.body)) >= poll["count"]


def _kept(source: str, reply: Reply) -> Any:
    where, _, name = source.partition(":")
    if where == "header":
        return reply.header(name) or None
    try:
        value = reply.json()
    except ValueError:
        return None
    return value.get(name) if isinstance(value, dict) else None
