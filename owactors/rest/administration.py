"""What the operator of this node may do through it: `/owactors/v1/…`, with the key in the node's data folder.

Not OpenWhisk's: there, tools write into the database. Here a node has its store to itself, so they ask the node.

- `POST subjects` with `{"method", "arguments"}`: a method of the store of subjects; `{"result"}` or `{"refused"}`.
- `GET status`: how the node is.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from attrs import asdict, frozen

from owactors.core.controller.rejection import Rejection
from owactors.message.store import DocumentConflict, NoDocument
from owactors.rest.answer import Answer, json_answer
from owactors.rest.authentication import Authentication
from owactors.rest.ports import Services
from owactors.rest.request import Request

PREFIX = "/owactors/v1/"
#: what may be asked of the store of subjects
METHODS = frozenset({"get", "put", "delete", "list", "by_namespace", "limits", "blocked_namespaces"})
CHANGES = frozenset({"put", "delete"})


@frozen
class Administered:
    """What the routes need beside the services: the key, the whole store of subjects, and the node's state."""

    key: str
    subjects: Any
    status: Callable[[], Any]


class Administration:
    """Answers the routes; 401 without the key."""

    def __init__(self, services: Services, administered: Administered, authentication: Authentication) -> None:
        self._administered, self._authentication = administered, authentication
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Answer]]] = {
            ("POST", "subjects"): self._subjects,
            ("GET", "status"): self._status,
        }

    async def answer(self, request: Request) -> Answer:
        """Rejection 401, 404, 400."""
        given = request.headers.get(b"authorization", b"")
        if not hmac.compare_digest(given, b"Bearer " + self._administered.key.encode()):
            raise Rejection(401, "This needs the key in the file admin.key of the node's data folder.")
        route = self._routes.get((request.method, request.path[len(PREFIX) :].rstrip("/")))
        if route is None:
            raise Rejection(404, "There is no such route.")
        return await route(request)

    async def _status(self, request: Request) -> Answer:
        return json_answer(self._administered.status())

    async def _subjects(self, request: Request) -> Answer:
        name, arguments = _call(request.body)
        try:
            result = await getattr(self._administered.subjects, name)(**arguments)
        except (NoDocument, DocumentConflict) as refusal:
            return json_answer({"refused": type(refusal).__name__, "subject": refusal.subject})
        except (TypeError, ValueError, KeyError) as problem:
            raise Rejection(400, f"{name}: {problem}") from problem
        if name in CHANGES:
            self._authentication.forget()
        return json_answer({"result": sorted(result) if isinstance(result, frozenset) else result})


def _call(body: bytes) -> tuple[str, dict[str, Any]]:
    try:
        order = orjson.loads(body)
        name, arguments = order["method"], order.get("arguments", {})
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as problem:
        raise Rejection(400, 'The body must be {"method": …, "arguments": {…}}.') from problem
    if name not in METHODS or not isinstance(arguments, dict):
        raise Rejection(400, f"There is no method {name!r}; there are {', '.join(sorted(METHODS))}.")
    return name, arguments


def shown_upkeep(upkeep: Any) -> Any:
    """The upkeep of a store as JSON, None where there is none."""
    return None if upkeep is None else asdict(upkeep)
