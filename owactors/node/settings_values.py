"""What a value of a settings file, of the environment or of the command line means, by its type.

Each reader takes the raw value (text, or what TOML made of it) and returns the typed one, or raises
ValueError whose text says what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from owactors.entity.size import ByteSize
from owactors.node.settings_tree import Seconds

_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_TIME_UNITS: Mapping[str, float] = {
    **dict.fromkeys(("ms", "milli", "millis", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


def read_size(value: Any) -> ByteSize:
    """A size from "256 MB", "8192 m", "2 GB" or "1024 B"; units are powers of 1024."""
    try:
        return ByteSize.parse(value)
    except (ValueError, TypeError):
        raise ValueError('a size with its unit, such as "256 MB" or "2 GB"') from None


def read_duration(value: Any) -> Seconds:
    """Seconds from "100 ms", "10 s", "5 min", "1 h" or "7 d"."""
    matched = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    factor = _TIME_UNITS.get(matched[2].lower()) if matched else None
    if matched and not matched[2] and float(matched[1]) == 0:
        factor = 1.0
    if matched is None or factor is None:
        raise ValueError('a time with its unit, such as "10 s" or "5 min"')
    return Seconds(float(matched[1]) * factor)


def read_whole_number(value: Any) -> int:
    """An int, or its text."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("a whole number, such as 60")


def read_number(value: Any) -> float:
    """A float, or its text; a percentage such as "50%" is a share."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    matched = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", value.strip()) if isinstance(value, str) else None
    if matched is None:
        raise ValueError("a number, such as 0.5")
    return float(matched[1]) / (100 if matched[2] else 1)


def read_switch(value: Any) -> bool:
    """A bool, or one of true/false, yes/no, on/off, 1/0."""
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in _TRUE + _FALSE:
        raise ValueError("true or false")
    return text in _TRUE


def read_text(value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError("a text in quotes")
    return value


def read_path(value: Any) -> Path:
    """A path; a leading ~ is the home folder."""
    if isinstance(value, Path):
        return value.expanduser()
    if not isinstance(value, str) or not value:
        raise ValueError("a path")
    return Path(value).expanduser()


def read_optional_path(value: Any) -> Path | None:
    """A path, or None for the empty text."""
    return None if value == "" else read_path(value)


def read_texts(value: Any) -> tuple[str, ...]:
    """A list of strings, or one text with commas between them."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise ValueError('a list of texts, such as ["a", "b"]')
    return tuple(value)


def read_whole_numbers(value: Any) -> tuple[int, ...]:
    """A list of ints, or one text with commas between them."""
    parts = read_texts(value) if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("a list of whole numbers, such as [80, 443]")
    return tuple(map(read_whole_number, parts))


def read_network_mode(value: Any) -> str:
    """A text; true and false are what they were when there were but two."""
    if isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in _TRUE + _FALSE):
        return "host" if read_switch(value) else "none"
    return read_text(value)


def read_table(value: Any) -> Mapping[str, str]:
    """A table of strings, or the text "name=value,name=value"."""
    if isinstance(value, str):
        pairs = [part.split("=", 1) for part in read_texts(value)]
        value = {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2} if pairs else {}
        if len(value) != len(pairs):
            raise ValueError("pairs such as name=value,name=value")
    if not isinstance(value, Mapping) or not all(isinstance(part, str) for part in value.values()):
        raise ValueError('a table of texts, such as { ContainerPool = "debug" }')
    return dict(value)


#: The annotation of a settings attribute -> its reader.
READERS: Mapping[str, Callable[[Any], Any]] = {
    "ByteSize": read_size,
    "Seconds": read_duration,
    "int": read_whole_number,
    "float": read_number,
    "bool": read_switch,
    "str": read_text,
    "NetworkMode": read_network_mode,
    "Path": read_path,
    "Path | None": read_optional_path,
    "tuple[str, ...]": read_texts,
    "tuple[int, ...]": read_whole_numbers,
    "Mapping[str, str]": read_table,
}


def show_duration(seconds: Seconds) -> str:
    """The shortest exact text: "7 d", "5 min", "100 ms"."""
    milliseconds = round(seconds * 1000)
    for unit, factor in (("d", 86400000), ("h", 3600000), ("min", 60000), ("s", 1000)):
        if milliseconds % factor == 0:
            return f"{milliseconds // factor} {unit}" if milliseconds else "0 s"
    return f"{milliseconds} ms"


def show(annotation: str, value: Any) -> Any:
    """A typed value as one would write it in a settings file; JSON can hold it."""
    if annotation == "ByteSize":
        return str(value)
    if annotation == "Seconds":
        return show_duration(value)
    if annotation.startswith("Path"):
        return "" if value is None else str(value)
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
