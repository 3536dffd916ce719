"""Reads the bodies of PUT requests field by field; what is wrong is said in OpenWhisk's words.

Bodies are JSON values. Every reader raises `Rejection` (400, "The request content was malformed: …").
(spray-json, ProductFormats.scala and BasicFormats.scala; OpenWhisk's readers of its entities.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from owactors.core.controller.rejection import malformed
from owactors.entity.errors import DeserializationError
from owactors.entity.exec import Exec, SequenceExec, exec_from_json
from owactors.entity.manifest import ExecManifest
from owactors.entity.names import EntityPath, FullyQualifiedEntityName, entity_name
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer

T = TypeVar("T")

_QUALIFIED_NAME_TOO_SHORT = (
    "requirement failed: The fully qualified name of the entity must contain at least the namespace "
    "and the name of the entity."
)
_LIMIT_NAMES = {
    "timeout": ("time limit", "time limit"),
    "memory": ("memory limit", "memory limit"),
    "logs": ("log limit", "log limit"),
    "concurrency": ("intra concurrency limit", "concurrency limit"),
    "instances": ("instance concurrency limit", "instance concurrency limit"),
}

_COMPONENT = r"[a-z0-9]+(?:(?:_{1,2}|\.|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9-]*"
_REGISTRY = rf"(?:{_LABEL}(?:\.{_LABEL})+(?::[0-9]+)?|{_LABEL}:[0-9]+)"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_IMAGE = re.compile(rf"(?:{_REGISTRY}/)?{_COMPONENT}(?:/{_COMPONENT})*(?::\w[\w.-]{{0,127}})?(?:@{_DIGEST})?", re.ASCII)


def compact(value: Any) -> str:
    """The JSON text of a value as spray-json prints it: no blanks, characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def optional(body: Any, name: str, reader: Callable[[Any], T]) -> T | None:
    """Field `name` of an object, None when it is absent or null."""
    if not isinstance(body, dict):
        raise malformed(f"Object expected in field '{name}'")
    value = body.get(name)
    return None if value is None else reader(value)


def boolean(value: Any) -> bool:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise malformed(f"Expected JsBoolean, but got {compact(value)}")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """An array of strings."""
    if not isinstance(value, list):
        raise malformed(f"Expected Array as JsArray, but got {compact(value)}")
    for item in value:
        if not isinstance(item, str):
            raise malformed(f"Expected String as JsString, but got {compact(item)}")
    return tuple(value)


def version(value: Any) -> SemVer:
    """A semantic version; missing parts count as 0."""
    try:
        return SemVer.from_json(value)
    except ValueError:
        raise malformed("semantic version malformed") from None


def parameters(value: Any) -> Parameters:
    """An array of {key, value, init?, encryption?}; the last of a repeated key wins."""
    elements = value if isinstance(value, list) else None
    if elements is None or not all(_is_parameter(element) for element in elements):
        raise malformed("parameters malformed!")
    try:
        return Parameters.from_json(elements)
    except DeserializationError:
        raise malformed("parameters malformed!") from None


def _is_parameter(element: Any) -> bool:
    return isinstance(element, dict) and isinstance(element.get("key"), str) and "value" in element


def executable(value: Any, manifest: ExecManifest) -> Exec:
    """What an action executes; components of a sequence are fully qualified names with a leading slash."""
    if not isinstance(value, dict):
        raise malformed("JSON object expected")
    code = value.get("code")
    if isinstance(code, dict):
        raise malformed(f"Could not deserialize as attachment record: {compact(code)}")
    _check_image(value)
    try:
        read = exec_from_json(value, manifest)
    except DeserializationError as error:
        raise malformed(_unknown_kind(value, manifest) or error.reason) from None
    if isinstance(read, SequenceExec):
        names = (qualified_name(component) for component in value["components"])
        return SequenceExec(tuple(f"/{name.doc_id}" for name in names))
    return read


def _check_image(value: dict[str, Any]) -> None:
    kind, image = value.get("kind"), value.get("image")
    if not isinstance(kind, str) or kind.strip().lower() != "blackbox" or not isinstance(image, str):
        return
    if not _IMAGE.fullmatch(image):
        raise malformed("could not parse image name")


def _unknown_kind(value: dict[str, Any], manifest: ExecManifest) -> str | None:
    kind = value.get("kind")
    if not isinstance(kind, str):
        return None
    kind = manifest.resolve_default(kind.strip().lower())
    if kind in ("sequence", "blackbox") or kind in manifest.runtimes:
        return None
    kinds = ", ".join(f"'{known}'" for known in hash_order({*manifest.runtimes, "sequence", "blackbox"}))
    return f"The specified runtime '{kind}' is not supported by this platform. Valid values are: {kinds}."


def qualified_name(value: Any) -> FullyQualifiedEntityName:
    """`/ns/name`, `/ns/pkg/name` or {path, name}."""
    if isinstance(value, str):
        return _parsed_name(value)
    if not isinstance(value, dict):
        raise malformed("fully qualified name malformed")
    try:
        return FullyQualifiedEntityName.from_json(value)
    except ValueError:
        raise malformed("fully qualified name malformed") from None


def _parsed_name(text: str) -> FullyQualifiedEntityName:
    segments = [segment for segment in text.split("/") if segment]
    if not segments:
        raise malformed("requirement failed: path undefined")
    try:
        EntityPath(text)
    except ValueError:
        parts = ", ".join(segments)
        raise malformed(f"requirement failed: path contains invalid parts ArraySeq({parts})") from None
    if len(segments) < 2:
        raise malformed(_QUALIFIED_NAME_TOO_SHORT)
    return FullyQualifiedEntityName("/".join(segments[:-1]), segments[-1])


def name(value: Any) -> str:
    """An entity's name."""
    try:
        if isinstance(value, str):
            return entity_name(value)
    except ValueError:
        pass
    raise malformed("entity name malformed")


def limits(value: Any) -> dict[str, int]:
    """The limits an object names, by field: time in ms, memory and logs in MB, counts."""
    given: dict[str, int] = {}
    for field in _LIMIT_NAMES:
        number = optional(value, field, lambda v, field=field: _limit(field, v))  # type: ignore[misc]
        if number is not None:
            given[field] = number
    return given


def _limit(field: str, value: Any) -> int:
    fraction, wrong = _LIMIT_NAMES[field]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise malformed(f"{wrong} malformed")
    if value != int(value):
        raise malformed(f"requirement failed: {fraction} must be whole number")
    if value < 0 and field in ("memory", "logs"):
        raise malformed("requirement failed: a negative size of an object is not allowed.")
    if value < 0 and field == "instances":
        raise malformed("requirement failed: Action container concurrency must be greater than or equal to 0.")
    return int(value)


def hash_order(items: set[str]) -> list[str]:
    """Texts in the order in which a Scala 2.13 hash set hands them out: clients see lists in that order."""
    return _by_hash([(_improved_hash(item), item) for item in sorted(items)], 0)


def _by_hash(items: list[tuple[int, str]], shift: int) -> list[str]:
    buckets: dict[int, list[tuple[int, str]]] = {}
    for item in items:
        buckets.setdefault(item[0] >> shift & 31, []).append(item)
    ordered = [buckets[index] for index in sorted(buckets)]
    alone = [bucket[0][1] for bucket in ordered if len(bucket) == 1]
    deeper = [text for bucket in ordered if len(bucket) > 1 for text in _deeper(bucket, shift + 5)]
    return alone + deeper


def _deeper(bucket: list[tuple[int, str]], shift: int) -> list[str]:
    return _by_hash(bucket, shift) if shift < 32 else [text for _, text in bucket]


def _improved_hash(text: str) -> int:
    mask = 0xFFFFFFFF
    value = 0
    for unit in memoryview(text.encode("utf-16-le")).cast("H"):
        value = (31 * value + unit) & mask
    value = (value + (~(value << 9) & mask)) & mask
    value ^= value >> 14
    value = (value + (value << 4)) & mask
    return value ^ (value >> 10)
