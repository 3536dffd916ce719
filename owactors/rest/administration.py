"""What the operator of this node may do through it: `/owactors/v1/…`, with the key in the node's data folder.

Not OpenWhisk's: there, tools write into the database. Here a node has its store to itself, so they ask the node.

- `POST subjects` with `{"method", "arguments"}`: a method of the store of subjects; `{"result"}` or `{"refused"}`.
- `GET status`: how the node is.
- `GET nodes`: the hosts of the cluster as this controller hears of them.
- `POST nodes/NAME/drain`, `…/disable`, `…/enable`: what is wanted of the invoker on that host, from now on.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import orjson
from attrs import asdict, field, frozen

from owactors.core.controller.rejection import Rejection
from owactors.core.loadbalancer.hosts import HostView
from owactors.message.host import Wanted
from owactors.message.store import DocumentConflict, NoDocument
from owactors.rest.answer import Answer, json_answer
from owactors.rest.authentication import Authentication
from owactors.rest.ports import Services
from owactors.rest.request import Request

PREFIX = "/owactors/v1/"
NEEDED = "This needs the key in the file admin.key of the node's data folder, or what the cluster's secret file gives."
#: what may be asked of the store of subjects
METHODS = frozenset({"get", "put", "delete", "list", "by_namespace", "limits", "blocked_namespaces"})
CHANGES = frozenset({"put", "delete"})


ORDERS = {"drain": Wanted.DRAINED, "disable": Wanted.DISABLED, "enable": Wanted.ENABLED}


@frozen
class AdministeredHosts:
    """The hosts of a cluster: `view` as JSON, the names of those with an invoker and of all, and what is wanted."""

    view: Callable[[], Any]
    invokers: Callable[[], Collection[str]]
    names: Callable[[], Collection[str]]
    want: Callable[[str, Wanted], Awaitable[None]]


@frozen
class Administered:
    """What the routes need beside the services: the keys that open them, the store of subjects, the node's state."""

    keys: tuple[str, ...] = field(repr=False)
    subjects: Any
    status: Callable[[], Any]
    hosts: AdministeredHosts | None = None


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
        if not any(hmac.compare_digest(given, b"Bearer " + key.encode()) for key in self._administered.keys):
            raise Rejection(401, NEEDED)
        path = request.path[len(PREFIX) :].rstrip("/")
        route = self._routes.get((request.method, path))
        if route is not None:
            return await route(request)
        hosts = self._administered.hosts
        if hosts is not None and path.partition("/")[0] == "nodes":
            return await _of_hosts(hosts, request.method, path)
        raise Rejection(404, "There is no such route.")

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


async def _of_hosts(hosts: AdministeredHosts, method: str, path: str) -> Answer:
    _, *rest = path.split("/")
    if (method, rest) == ("GET", []):
        return json_answer(hosts.view())
    if method != "POST" or len(rest) != 2 or rest[1] not in ORDERS:
        raise Rejection(404, f"There is no such route; there are GET nodes and POST nodes/NAME/({'|'.join(ORDERS)}).")
    name, order = rest
    if name not in hosts.invokers():
        raise Rejection(404, _unknown(name, hosts))
    await hosts.want(name, ORDERS[order])
    return json_answer({"name": name, "wanted": ORDERS[order].value})


def _unknown(name: str, hosts: AdministeredHosts) -> str:
    there = ", ".join(sorted(hosts.invokers())) or "none"
    if name in hosts.names():
        return f"Host {name} runs no invoker, and a controller is ended by SIGTERM; hosts with an invoker: {there}."
    return f"There is no host {name}; hosts with an invoker: {there}."


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


def shown_hosts(hosts: Sequence[HostView], code: str) -> Any:
    """`{"nodes": […], "code"}`; `code` is the fingerprint of who answers, `differs` says that a host has another."""
    return {"nodes": [_shown_host(host, code) for host in hosts], "code": code}


def _shown_host(host: HostView, code: str) -> Any:
    last = host.last
    return {
        "name": host.name,
        "state": host.state,
        "roles": [
            {
                "role": role.role,
                "state": role.state,
                "health": role.health,
                "load": role.load,
                "boot": role.boot,
                "lastSeen": round(role.last_seen, 1),
            }
            for role in host.roles
        ],
        "memory": {"total": last.memory_total, "used": last.memory_used},
        "version": last.version,
        "code": last.code,
        "differs": last.code != code,
        "address": last.address,
        "lastSeen": round(host.last_seen, 1),
    }
