"""Who calls: subject, namespace, key, rights and limits. (OpenWhisk, Identity.scala.)"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import JsonObject, as_list, as_object, as_string, need
from owactors.entity.limits import UserLimits


class Privilege(Enum):
    """What a right allows."""

    READ = "READ"
    PUT = "PUT"
    DELETE = "DELETE"
    ACTIVATE = "ACTIVATE"
    REJECT = "REJECT"

    # by identity: each look at a user's rights would else call Enum's own hash, which is Python
    __hash__ = object.__hash__

    @classmethod
    def from_json(cls, value: object) -> Privilege:
        """Reads the name in any case."""
        try:
            return cls(as_string(value).upper())
        except ValueError:
            raise DeserializationError(f"{value!r} is not one of {', '.join(p.value for p in cls)}") from None


CRUD = frozenset({Privilege.READ, Privilege.PUT, Privilege.DELETE})
ALL = CRUD | {Privilege.ACTIVATE}


@frozen
class Namespace:
    """A namespace's name and the uuid by which limits and throttles know it."""

    name: str
    uuid: str

    def to_json(self) -> JsonObject:
        """`{name, uuid}`."""
        return {"name": self.name, "uuid": self.uuid}

    @classmethod
    def from_json(cls, value: object) -> Namespace:
        """Reads the object."""
        source = as_object(value)
        return cls(need(source, "name", as_string), need(source, "uuid", as_string))


@frozen
class Identity:
    """The caller of a request. `authkey` is an open object, for basic authentication `{"api_key": "uuid:key"}`."""

    subject: str
    namespace: Namespace
    authkey: Mapping[str, Any] = field(factory=dict, hash=False)
    rights: frozenset[Privilege] = ALL
    limits: UserLimits = UserLimits()

    def to_json(self) -> JsonObject:
        """All five fields; rights in a fixed order."""
        return {
            "subject": self.subject,
            "namespace": self.namespace.to_json(),
            "authkey": dict(self.authkey),
            "rights": [privilege.value for privilege in Privilege if privilege in self.rights],
            "limits": self.limits.to_json(),
        }

    @classmethod
    def from_json(cls, value: object) -> Identity:
        """Reads the object; all five fields must be there."""
        source = as_object(value)
        return cls(
            need(source, "subject", as_string),
            need(source, "namespace", Namespace.from_json),
            dict(need(source, "authkey", as_object)),
            need(source, "rights", lambda v: frozenset(Privilege.from_json(p) for p in as_list(v))),
            need(source, "limits", UserLimits.from_json),
        )
