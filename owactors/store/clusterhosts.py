"""What all hosts of a cluster must agree on, in one document of the store that all of them share.

`wanted`: what the operator wants of each host. `holders`: which life of which host has a role's number or id; the last
one that came has it, and whoever reads another one's mark in its place has been replaced. `follows`: controllers with
clients that follow the lines of running activations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from owactors.entity.errors import DeserializationError
from owactors.message.host import HostIdentity, Wanted
from owactors.message.livelogs import ControllerFollows, follows_from_json
from owactors.message.store import DocumentConflict, NoDocument

Json = dict[str, Any]
#: no entity can have this id, since it is no path
DOCUMENT = "owactors.hosts"
#: what the role of a controller begins with, before its id
CONTROLLER = "controller"


class Documents(Protocol):
    """The part of an entity store that is used, here or in another process."""

    async def get(self, doc_id: str) -> Json: ...

    async def put(self, document: Json) -> object: ...


def wanted_of(document: Mapping[str, Any], name: str) -> Wanted:
    """What this document says of the host; enabled if nothing."""
    try:
        return Wanted(document.get("wanted", {}).get(name, Wanted.ENABLED.value))
    except ValueError:
        return Wanted.ENABLED


def holder_of(document: Mapping[str, Any], role: str) -> HostIdentity | None:
    """Who has the role, such as "invoker0"."""
    found = document.get("holders", {}).get(role)
    return None if found is None else HostIdentity(found["host"], found["node"], found["boot"])


def controllers_of(document: Mapping[str, Any]) -> frozenset[str]:
    """The ids of all controllers that took their place and did not give it up."""
    holders = document.get("holders", {})
    return frozenset(role.removeprefix(CONTROLLER) for role in holders if role.startswith(CONTROLLER))


async def want(documents: Documents, name: str, wanted: Wanted) -> None:
    """From now on. StoreUnavailable."""

    def change(document: Json) -> Json:
        others = {key: value for key, value in document.get("wanted", {}).items() if key != name}
        return {**document, "wanted": others if wanted is Wanted.ENABLED else {**others, name: wanted.value}}

    await _change(documents, change)


def follows_of(document: Mapping[str, Any]) -> Mapping[str, ControllerFollows]:
    """Controller id -> what it wishes to follow. What cannot be read is nobody's wish."""
    found = document.get("follows", {})
    try:
        return follows_from_json(found) if found else {}
    except DeserializationError:
        return {}


async def follow_lines(documents: Documents, controller: str, follows: ControllerFollows | None) -> None:
    """All that this controller wishes from now on, None for nothing. StoreUnavailable."""

    def change(document: Json) -> Json:
        others = {name: part for name, part in document.get("follows", {}).items() if name != controller}
        return {**document, "follows": others if follows is None else {**others, controller: follows.to_json()}}

    await _change(documents, change)


async def take_place(documents: Documents, role: str, host: HostIdentity) -> None:
    """This life of this host has the role from now on. StoreUnavailable."""
    mark = {"host": host.name, "node": host.node, "boot": host.boot}
    await _change(documents, lambda document: {**document, "holders": {**document.get("holders", {}), role: mark}})


async def give_place_up(documents: Documents, role: str, host: HostIdentity) -> None:
    """This life of this host ends; nothing happens if another one has the role. StoreUnavailable."""

    def change(document: Json) -> Json:
        others = {name: mark for name, mark in document.get("holders", {}).items() if name != role}
        return {**document, "holders": others} if holder_of(document, role) == host else document

    await _change(documents, change)


async def _change(documents: Documents, change: Callable[[Json], Json]) -> None:
    while True:
        try:
            before = await documents.get(DOCUMENT)
        except NoDocument:
            before = {"_id": DOCUMENT}
        after = change(before)
        if after == before:
            return
        try:
            await documents.put(after)
        except DocumentConflict:
            continue  # another one changed it at the same time
        return
