"""Names and paths of entities. (OpenWhisk, EntityPath.scala, FullyQualifiedEntityName.scala.)"""

from __future__ import annotations

import re
from functools import lru_cache

from attrs import field, frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import JsonObject, as_string, kind_of, maybe, need
from owactors.entity.semver import SemVer

NAME_MAX_LENGTH = 256
_NAME = re.compile(r"([A-Za-z0-9_]|[A-Za-z0-9_][A-Za-z0-9_@ .&-]{0,254}[A-Za-z0-9_@.&-])")
DEFAULT_NAMESPACE = "_"


@lru_cache(maxsize=4096)
def is_entity_name(text: str) -> bool:
    """True for a name of at most 256 characters that OpenWhisk allows."""
    return _NAME.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def entity_name(text: str) -> str:
    """`text` if it is a valid name, else ValueError."""
    if len(text) > NAME_MAX_LENGTH:
        raise ValueError(f"name exceeds allowed length of {NAME_MAX_LENGTH}: {len(text)}")
    if not is_entity_name(text):
        raise ValueError(f"name [{text}] is not allowed")
    return text


def _without_empty_segments(text: str) -> str:
    return "/".join(part for part in text.split("/") if part)


@frozen
class EntityPath:
    """A namespace, or namespace/package: names joined by slashes, at least one. ValueError otherwise."""

    text: str = field(converter=_without_empty_segments)

    def __attrs_post_init__(self) -> None:
        if not self.text:
            raise ValueError("path undefined")
        for segment in self.segments:
            entity_name(segment)

    @property
    def segments(self) -> list[str]:
        """The names, from the left."""
        return self.text.split("/")

    @property
    def root(self) -> str:
        """The namespace."""
        return self.text.partition("/")[0]

    @property
    def default_package(self) -> bool:
        """True when the path is a bare namespace."""
        return "/" not in self.text

    @property
    def package(self) -> str | None:
        """The package's name, or None in the default package."""
        return self.text.partition("/")[2] or None

    def resolve(self, namespace: str) -> EntityPath:
        """The path with a leading `_` replaced by `namespace`."""
        if self.root != DEFAULT_NAMESPACE:
            return self
        return EntityPath("/".join([namespace, *self.segments[1:]]))

    def to_json(self) -> str:
        """The text without leading slash."""
        return self.text

    @classmethod
    def from_json(cls, value: object) -> EntityPath:
        """Reads the text; a leading slash is accepted."""
        try:
            return cls(as_string(value))
        except DeserializationError:
            raise
        except ValueError as error:
            raise DeserializationError(str(error)) from None

    def __str__(self) -> str:
        return self.text


def _name_from_json(value: object) -> str:
    try:
        return entity_name(as_string(value))
    except DeserializationError:
        raise
    except ValueError as error:
        raise DeserializationError(str(error)) from None


@frozen
class FullyQualifiedEntityName:
    """Where an entity lives: path and name, perhaps a version, perhaps the binding it was reached through.

    `path` and `binding` are texts such as "ns" or "ns/pkg" without leading slash.
    """

    path: str
    name: str
    version: SemVer | None = None
    binding: str | None = None

    @classmethod
    def parse(cls, text: str) -> FullyQualifiedEntityName:
        """Reads `/ns/name`, `ns/pkg/name`; ValueError when it is not at least namespace and name."""
        segments = EntityPath(text).segments
        if len(segments) < 2:
            raise ValueError(f"{text!r} is not a fully qualified name: write /namespace/name")
        return cls("/".join(segments[:-1]), segments[-1])

    @property
    def namespace(self) -> str:
        """The first segment of the path."""
        return self.path.partition("/")[0]

    @property
    def package(self) -> str | None:
        """The package's name, or None in the default package."""
        return self.path.partition("/")[2] or None

    @property
    def doc_id(self) -> str:
        """The document id: path/name, without version."""
        return f"{self.path}/{self.name}"

    def resolve(self, namespace: str) -> FullyQualifiedEntityName:
        """The name with a leading `_` replaced by `namespace`."""
        if self.path.partition("/")[0] != DEFAULT_NAMESPACE:
            return self
        path = EntityPath(self.path).resolve(namespace).text
        return FullyQualifiedEntityName(path, self.name, self.version, self.binding)

    def to_json(self) -> JsonObject:
        """`{path, name, version?, binding?}`."""
        form: JsonObject = {"path": self.path, "name": self.name}
        if self.version is not None:
            form["version"] = self.version.to_json()
        if self.binding is not None:
            form["binding"] = self.binding
        return form

    @classmethod
    def from_json(cls, value: object) -> FullyQualifiedEntityName:
        """Reads the object form or a plain path text."""
        if isinstance(value, str):
            try:
                return cls.parse(value)
            except ValueError as error:
                raise DeserializationError(str(error)) from None
        if not isinstance(value, dict):
            raise DeserializationError(f"expected a qualified name, got {kind_of(value)}")
        return cls(
            need(value, "path", EntityPath.from_json).text,
            need(value, "name", _name_from_json),
            maybe(value, "version", SemVer.from_json),
            maybe(value, "binding", lambda v: EntityPath.from_json(v).text),
        )

    def __str__(self) -> str:
        return self.doc_id if self.version is None else f"{self.doc_id}@{self.version}"
