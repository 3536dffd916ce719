"""Subjects: who may call, with a key per namespace. (The documents of the database of subjects.)"""

from __future__ import annotations

from attrs import frozen

from owactors.entity.ids import BasicAuthKey
from owactors.entity.jsonfields import JsonObject, as_bool, as_list, as_object, as_string, maybe, need

SUBJECT_MIN_LENGTH = 5


@frozen
class SubjectNamespace:
    """A namespace that a subject owns, with its authentication key."""

    name: str
    key: BasicAuthKey

    @classmethod
    def from_json(cls, value: object) -> SubjectNamespace:
        """Reads `{name, uuid, key}`."""
        source = as_object(value)
        key = BasicAuthKey(need(source, "uuid", as_string), need(source, "key", as_string))
        return cls(need(source, "name", as_string), key)

    def to_json(self) -> JsonObject:
        """`{name, uuid, key}`."""
        return {"name": self.name, "uuid": self.key.uuid, "key": self.key.key}


@frozen
class SubjectDocument:
    """A subject with its namespaces; blocked ones may do nothing. Names have at least 5 characters."""

    subject: str
    namespaces: tuple[SubjectNamespace, ...]
    blocked: bool | None = None

    def __attrs_post_init__(self) -> None:
        if len(self.subject.strip()) < SUBJECT_MIN_LENGTH:
            raise ValueError(f"subject must be at least {SUBJECT_MIN_LENGTH} characters")

    @classmethod
    def from_json(cls, value: object) -> SubjectDocument:
        """Reads a document."""
        source = as_object(value)
        namespaces = tuple(SubjectNamespace.from_json(item) for item in need(source, "namespaces", as_list))
        return cls(need(source, "subject", as_string), namespaces, maybe(source, "blocked", as_bool))

    def to_document(self) -> JsonObject:
        """The document; `blocked` only where it is said."""
        form: JsonObject = {
            "_id": self.subject,
            "subject": self.subject,
            "namespaces": [namespace.to_json() for namespace in self.namespaces],
        }
        if self.blocked is not None:
            form["blocked"] = self.blocked
        return form
