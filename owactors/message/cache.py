"""What controllers tell each other to forget. (OpenWhisk, RemoteCacheInvalidation.scala.)"""

from __future__ import annotations

from attrs import frozen

from owactors.entity.jsonfields import JsonObject, as_object, as_string, maybe, need, without_none


@frozen
class CacheKey:
    """A document: `main_id` is its id (`ns/name`); the second part is not used for entities."""

    main_id: str
    secondary_id: str | None = None

    def to_json(self) -> JsonObject:
        """`{mainId, secondaryId?}`."""
        return without_none(mainId=self.main_id, secondaryId=self.secondary_id)

    @classmethod
    def from_json(cls, value: object) -> CacheKey:
        """Reads the object."""
        source = as_object(value)
        return cls(need(source, "mainId", as_string), maybe(source, "secondaryId", as_string))


@frozen
class CacheInvalidationMessage:
    """`instance_id` (`controller0`) changed this document; it ignores its own messages."""

    key: CacheKey
    instance_id: str

    def to_json(self) -> JsonObject:
        """`{key, instanceId}`."""
        return {"key": self.key.to_json(), "instanceId": self.instance_id}

    @classmethod
    def from_json(cls, value: object) -> CacheInvalidationMessage:
        """Reads the object."""
        source = as_object(value)
        return cls(need(source, "key", CacheKey.from_json), need(source, "instanceId", as_string))
