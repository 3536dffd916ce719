"""What a host of a cluster says of itself each second, role by role, and what its operator wants of it."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from owactors.entity.jsonfields import JsonObject, as_int, as_object, as_string, maybe, need


class Wanted(Enum):
    """What the operator wants of the invoker on a host; kept in the store, so that it holds after a restart."""

    ENABLED = "enabled"
    #: no new work; it says when all that it had is done
    DRAINED = "drained"
    #: no new work
    DISABLED = "disabled"


@frozen
class HostIdentity:
    """`name` is chosen by the operator, `node` marks the data folder, `boot` one life of it."""

    name: str = ""
    node: str = ""
    boot: str = ""


@frozen
class HostHeartbeat:
    """One role of a host: `role` such as "invoker0". Memory in MB, of the host. `load`: activations under way.

    `state`: enabled, draining, drained, disabled, stopping, stopped, or replaced where another one has its place.
    `code` is the fingerprint of the program that runs.
    """

    host: HostIdentity
    role: str
    state: str
    load: int
    memory_total: int
    memory_used: int
    version: str
    code: str
    address: str = ""
    #: host:port where an invoker takes activations over HTTP
    invoke: str = ""

    @property
    def leaving(self) -> bool:
        """It may be the last one of this life."""
        return self.state in ("stopped", "replaced")

    @property
    def ends(self) -> bool:
        """It stops, or another one has its place."""
        return self.state in ("stopping", "stopped", "replaced")

    @property
    def invoker(self) -> int | None:
        """The number of the invoker whose heartbeat it is."""
        number = self.role.removeprefix("invoker")
        return int(number) if number != self.role and number.isdigit() else None

    def to_json(self) -> JsonObject:
        """One object; the host's identity is its fields `host`, `node` and `boot`."""
        form: JsonObject = {
            "host": self.host.name,
            "node": self.host.node,
            "boot": self.host.boot,
            "role": self.role,
            "state": self.state,
            "load": self.load,
            "memory": {"total": self.memory_total, "used": self.memory_used},
            "version": self.version,
            "code": self.code,
            "address": self.address,
        }
        return {**form, "invoke": self.invoke} if self.invoke else form

    @classmethod
    def from_json(cls, value: object) -> HostHeartbeat:
        """Reads the object; DeserializationError names what is wrong."""
        source = as_object(value)
        memory = need(source, "memory", as_object)
        return cls(
            HostIdentity(
                need(source, "host", as_string), need(source, "node", as_string), need(source, "boot", as_string)
            ),
            need(source, "role", as_string),
            need(source, "state", as_string),
            need(source, "load", as_int),
            need(memory, "total", as_int),
            need(memory, "used", as_int),
            need(source, "version", as_string),
            need(source, "code", as_string),
            maybe(source, "address", as_string) or "",
            maybe(source, "invoke", as_string) or "",
        )
