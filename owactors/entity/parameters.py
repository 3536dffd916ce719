"""Parameters and annotations: lists of key and value. (OpenWhisk, Parameter.scala.)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import JsonObject


@frozen
class ParameterValue:
    """A value with its two marks: `init` (goes to /init as environment) and `encryption` (locked by that algorithm)."""

    value: Any
    init: bool = False
    encryption: str | None = None


def _read_element(element: object) -> tuple[str, ParameterValue]:
    if not isinstance(element, Mapping) or "value" not in element or not isinstance(element.get("key"), str):
        raise DeserializationError("parameters malformed!")
    init, encryption = element.get("init", False), element.get("encryption")
    # null is no algorithm, but OpenWhisk reads it so where `init` is there
    nothing = encryption is None and ("init" in element or "encryption" not in element)
    if not isinstance(init, bool) or not (nothing or isinstance(encryption, str)):
        raise DeserializationError("parameters malformed!")
    return element["key"], ParameterValue(element["value"], init, encryption)


@frozen
class Parameters:
    """An ordered map from key to ParameterValue. Keys are unique; the last one wins on reading."""

    entries: Mapping[str, ParameterValue] = field(factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Any] | None = None, /, **more: Any) -> Parameters:
        """Plain values as parameters."""
        return cls({key: ParameterValue(value) for key, value in {**(values or {}), **more}.items()})

    @classmethod
    def from_json(cls, value: object) -> Parameters:
        """Reads the array of {key, value, init?, encryption?}."""
        if not isinstance(value, list):
            raise DeserializationError("parameters malformed!")
        return cls(dict(_read_element(element) for element in value))

    def to_json(self) -> list[JsonObject]:
        """The array form; `init` and `encryption` only where set."""
        return [_written(key, entry) for key, entry in self.entries.items()]

    def bare(self) -> dict[str, Any]:
        """Key to plain value, or to the ParameterValue of those with a mark: a short form between processes."""
        entries = self.entries.items()
        return {key: v if v.init or v.encryption is not None else v.value for key, v in entries}

    @classmethod
    def of_bare(cls, values: Mapping[str, Any]) -> Parameters:
        """The parameters whose `bare()` this is."""
        return cls({key: v if type(v) is ParameterValue else ParameterValue(v) for key, v in values.items()})

    def merged(self, over: Parameters) -> Parameters:
        """These parameters overlaid with `over`, whose entries win."""
        return Parameters({**self.entries, **over.entries})

    def without(self, *keys: str) -> Parameters:
        """These parameters less some."""
        return Parameters({key: entry for key, entry in self.entries.items() if key not in keys})

    def put(self, key: str, value: Any) -> Parameters:
        """These parameters with one set to a plain value."""
        return Parameters({**self.entries, key: ParameterValue(value)})

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        entry = self.entries.get(key)
        return default if entry is None else entry.value

    def is_truthy(self, key: str, when_absent: bool = False) -> bool:
        """OpenWhisk's truth: false, 0, "" and null are false; anything else is true."""
        entry = self.entries.get(key)
        if entry is None:
            return when_absent
        value = entry.value
        return not (value is None or value is False or value == "" or (not isinstance(value, bool) and value == 0))

    @property
    def values(self) -> JsonObject:
        """Key to plain value."""
        return {key: entry.value for key, entry in self.entries.items()}

    @property
    def init_keys(self) -> tuple[str, ...]:
        """The keys that go to /init."""
        return tuple(key for key, entry in self.entries.items() if entry.init)

    @property
    def locked(self) -> dict[str, str]:
        """Key to algorithm of the encrypted ones."""
        return {key: entry.encryption for key, entry in self.entries.items() if entry.encryption is not None}

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def unlocked(self, key: str, value: Any) -> Parameters:
        """These parameters with `key` decrypted to `value`; its init mark stays."""
        return Parameters({**self.entries, key: evolve(self.entries[key], value=value, encryption=None)})


def _written(key: str, entry: ParameterValue) -> JsonObject:
    form: JsonObject = {"key": key, "value": entry.value}
    if entry.init:
        form["init"] = True
    if entry.encryption is not None:
        form["encryption"] = entry.encryption
    return form
