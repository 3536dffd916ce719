"""The runtimes manifest: which kinds there are and which image runs them. (OpenWhisk, ExecManifest.scala.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import JsonObject, as_bool, as_int, as_list, as_object, as_string, maybe, need
from owactors.entity.size import ByteSize


@frozen
class ImageName:
    """`[registry/][prefix/]name[:tag]`."""

    name: str
    prefix: str | None = None
    tag: str | None = None
    registry: str | None = None

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """Reads an image's text form; ValueError when it is none."""
        registry, rest = None, text
        head, slash, tail = text.partition("/")
        if slash and ("." in head or ":" in head or head == "localhost"):
            registry, rest = head, tail
        prefix, _, last = rest.rpartition("/")
        name, _, tag = last.partition(":")
        if not name or " " in text:
            raise ValueError("could not parse image name")
        return cls(name, prefix or None, tag or None, registry)

    @classmethod
    def from_json(cls, value: object) -> ImageName:
        """Reads the object form."""
        source = as_object(value)
        return cls(
            need(source, "name", as_string),
            maybe(source, "prefix", as_string),
            maybe(source, "tag", as_string),
            maybe(source, "registry", as_string),
        )

    @property
    def public(self) -> str:
        """The text form; the tag is written where there is one."""
        parts = [part for part in (self.registry, self.prefix) if part]
        return "/".join([*parts, self.name]) + (f":{self.tag}" if self.tag else "")

    def matches(self, other: ImageName) -> bool:
        """True when both name the same image, whatever their tags."""
        return (self.name, self.prefix, self.registry) == (other.name, other.prefix, other.registry)

    def __str__(self) -> str:
        return self.public


@frozen
class ReactivePrewarm:
    """How many prewarmed containers to keep by demand. `ttl` in seconds."""

    min_count: int
    max_count: int
    ttl: float
    threshold: int
    increment: int


@frozen
class StemCell:
    """`initial_count` prewarmed containers of `memory`."""

    initial_count: int
    memory: ByteSize
    reactive: ReactivePrewarm | None = None


_UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "millisecond": 0.001,
    "s": 1,
    "m": 60,
    "h": 3600,
}


def duration_seconds(text: str) -> float:
    """Reads `2 minutes`, `10 s`, `500 milliseconds`; ValueError otherwise."""
    number, _, unit = text.strip().partition(" ")
    factor = _UNITS.get(unit.strip(), _UNITS.get(unit.strip().rstrip("s")))
    if not number.replace(".", "", 1).isdigit() or factor is None:
        raise ValueError(f"{text!r} is not a duration: write for example '2 minutes'")
    return float(number) * factor


def _reactive(value: object) -> ReactivePrewarm:
    source = as_object(value)
    try:
        ttl = duration_seconds(need(source, "ttl", as_string))
    except DeserializationError:
        raise
    except ValueError as error:
        raise DeserializationError(str(error), "ttl") from None
    counts = [need(source, name, as_int) for name in ("minCount", "maxCount", "threshold", "increment")]
    return ReactivePrewarm(counts[0], counts[1], ttl, counts[2], counts[3])


def _stem_cell(value: object) -> StemCell:
    source = as_object(value)
    count = maybe(source, "initialCount", as_int)
    if count is None:
        count = need(source, "count", as_int)
    return StemCell(count, need(source, "memory", ByteSize.from_json), maybe(source, "reactive", _reactive))


@frozen
class RuntimeManifest:
    """One kind."""

    kind: str
    image: ImageName
    default: bool = False
    deprecated: bool = False
    require_main: bool = False
    sentinelled_logs: bool = True
    attached: bool = False
    stem_cells: tuple[StemCell, ...] = ()

    @classmethod
    def from_json(cls, value: object) -> RuntimeManifest:
        """Reads an entry of a family."""
        source = as_object(value)
        sentinelled = maybe(source, "sentinelledLogs", as_bool)
        return cls(
            need(source, "kind", as_string),
            need(source, "image", ImageName.from_json),
            maybe(source, "default", as_bool) or False,
            maybe(source, "deprecated", as_bool) or False,
            maybe(source, "requireMain", as_bool) or False,
            True if sentinelled is None else sentinelled,
            maybe(source, "attached", as_object) is not None,
            tuple(_stem_cell(cell) for cell in maybe(source, "stemCells", as_list) or ()),
        )


def _family(name: str, entries: list[RuntimeManifest]) -> list[RuntimeManifest]:
    defaults = [entry for entry in entries if entry.default]
    if len(entries) > 1 and len(defaults) != 1:
        raise DeserializationError(f"exactly one kind must be the default, found {len(defaults)}", name)
    return entries


@frozen
class ExecManifest:
    """All kinds by name, the default kind of each family, and the images trusted as black boxes.

    `source` keeps the JSON that was read, for answers that show it.
    """

    runtimes: Mapping[str, RuntimeManifest]
    defaults: Mapping[str, str]
    blackboxes: tuple[ImageName, ...] = ()
    source: Mapping[str, Any] = field(factory=dict, eq=False, repr=False)

    @classmethod
    def from_json(cls, value: object) -> ExecManifest:
        """Reads a manifest; DeserializationError names the family or field."""
        source = as_object(value)
        runtimes: dict[str, RuntimeManifest] = {}
        defaults: dict[str, str] = {}
        for name, entries in need(source, "runtimes", as_object).items():
            family = _family(name, [RuntimeManifest.from_json(entry) for entry in as_list(entries)])
            runtimes.update({entry.kind: entry for entry in family})
            chosen = [entry for entry in family if entry.default] or family
            if chosen:
                defaults[name] = chosen[0].kind
        images = tuple(ImageName.from_json(image) for image in maybe(source, "blackboxes", as_list) or ())
        return cls(runtimes, defaults, images, source)

    def to_json(self) -> JsonObject:
        """The JSON that was read."""
        return dict(self.source)

    def resolve_default(self, kind: str) -> str:
        """`python:default` becomes the family's default kind; anything else stays."""
        family, _, tag = kind.partition(":")
        return self.defaults.get(family, kind) if tag == "default" else kind

    def get(self, kind: str) -> RuntimeManifest | None:
        """The runtime of a kind, or None."""
        return self.runtimes.get(kind)

    def skips_pull(self, image: ImageName) -> bool:
        """True for a black box that the manifest trusts: it is not pulled and its logs carry sentinels."""
        return any(image.matches(known) for known in self.blackboxes)
