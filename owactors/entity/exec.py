"""What an action executes. (OpenWhisk, Exec.scala.)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import JsonObject, as_object
from owactors.entity.manifest import ExecManifest, ImageName

SEQUENCE = "sequence"
BLACKBOX = "blackbox"
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def is_binary_code(code: str) -> bool:
    """True for text that reads as base64: non-empty, length a multiple of 4, only its alphabet."""
    text = code.strip()
    return bool(text) and len(text) % 4 == 0 and _BASE64.fullmatch(text) is not None


@frozen
class CodeExec:
    """Code for a managed runtime. `code` is the text (source or base64), or None while it is an attachment."""

    kind: str
    code: str | None
    main: str | None = None
    binary: bool = False
    attachment: Mapping[str, Any] | None = field(default=None, eq=False)

    def to_json(self) -> JsonObject:
        """`{kind, code, main?, binary}`."""
        form: JsonObject = {"kind": self.kind, "code": self.attachment if self.code is None else self.code}
        return _with_main(form, self.main, self.binary)


@frozen
class BlackBoxExec:
    """A container image. `native` is true when the manifest trusts the image: no pull, sentinels in its logs."""

    image: str
    code: str | None = None
    main: str | None = None
    binary: bool = False
    native: bool = False
    attachment: Mapping[str, Any] | None = field(default=None, eq=False)
    kind: str = BLACKBOX

    def to_json(self) -> JsonObject:
        """`{kind, image, code?, main?, binary}`."""
        form: JsonObject = {"kind": BLACKBOX, "image": self.image}
        code = self.attachment if self.code is None else self.code
        if code is not None:
            form["code"] = code
        return _with_main(form, self.main, self.binary)


@frozen
class SequenceExec:
    """Actions to run one after the other; `components` are texts such as "/ns/pkg/name"."""

    components: tuple[str, ...]
    kind: str = SEQUENCE

    def to_json(self) -> JsonObject:
        """`{kind, components}`."""
        return {"kind": SEQUENCE, "components": list(self.components)}


Exec = CodeExec | BlackBoxExec | SequenceExec


def _with_main(form: JsonObject, main: str | None, binary: bool) -> JsonObject:
    if main is not None:
        form["main"] = main
    form["binary"] = binary
    return form


def exec_from_json(value: object, manifest: ExecManifest) -> Exec:
    """Reads an exec from a request or a document; `kind` is lower-cased and `x:default` resolved.

    DeserializationError carries OpenWhisk's text for what is wrong.
    """
    source = as_object(value)
    kind = source.get("kind")
    if not isinstance(kind, str):
        raise DeserializationError("'kind' must be a string defined in 'exec'")
    kind = manifest.resolve_default(kind.strip().lower())
    if kind == SEQUENCE:
        return _sequence(source)
    if kind == BLACKBOX:
        return _blackbox(source, manifest)
    return _managed(source, kind, manifest)


def _sequence(source: Mapping[str, Any]) -> SequenceExec:
    if "components" not in source:
        raise DeserializationError("'components' must be defined for sequence kind")
    components = source["components"]
    if not isinstance(components, list):
        raise DeserializationError("'components' must be an array")
    if not all(isinstance(name, str) for name in components):
        raise DeserializationError("fully qualified name malformed")
    return SequenceExec(tuple(components))


def _optional_main(source: Mapping[str, Any], kind: str) -> str | None:
    main = source.get("main")
    if main is not None and not isinstance(main, str):
        raise DeserializationError(f"if defined, 'main' be a string in 'exec' for '{kind}' actions")
    return main


def _code(source: Mapping[str, Any], kind: str) -> tuple[str | None, Mapping[str, Any] | None]:
    code = source.get("code", source.get("jar"))
    if isinstance(code, str):
        return code, None
    if isinstance(code, Mapping) and isinstance(code.get("attachmentName"), str):
        return None, code
    raise DeserializationError(f"'code' must be a string or attachment object defined in 'exec' for '{kind}' actions")


def _is_binary(source: Mapping[str, Any], code: str | None) -> bool:
    return bool(source.get("binary")) if code is None else is_binary_code(code)


def _blackbox(source: Mapping[str, Any], manifest: ExecManifest) -> BlackBoxExec:
    image = source.get("image")
    if not isinstance(image, str):
        raise DeserializationError("'image' must be a string defined in 'exec' for 'blackbox' actions")
    try:
        name = ImageName.parse(image)
    except ValueError as error:
        raise DeserializationError(str(error)) from None
    code, attachment = _code(source, BLACKBOX) if source.get("code") is not None else (None, None)
    code = code if code and code.strip() else None
    main = _optional_main(source, BLACKBOX)
    binary = _is_binary(source, code) if code or attachment else False
    return BlackBoxExec(image, code, main, binary, manifest.skips_pull(name), attachment)


def _managed(source: Mapping[str, Any], kind: str, manifest: ExecManifest) -> CodeExec:
    runtime = manifest.get(kind)
    if runtime is None:
        valid = ", ".join(f"'{known}'" for known in sorted(manifest.runtimes))
        raise DeserializationError(
            f"The specified runtime '{kind}' is not supported by this platform. Valid values are: {valid}."
        )
    code, attachment = _code(source, kind)
    if runtime.require_main and not isinstance(source.get("main"), str):
        raise DeserializationError(f"'main' must be a string defined in 'exec' for '{kind}' actions")
    return CodeExec(kind, code, _optional_main(source, kind), _is_binary(source, code), attachment)
