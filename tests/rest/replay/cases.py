"""Recorded cases: loading them, and filling in what differs from run to run."""

from __future__ import annotations

import fnmatch
import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "data" / "rest_transcripts"
Json = dict[str, Any]

_VARIABLE = re.compile(r"\{\{(?P<name>\w+)(?P<plus>[+-]\d+)?\}\}")
_CONSONANTS = "bcdfghjkmnpqrstvwxz"


def areas() -> list[str]:
    """The names of the recorded areas."""
    return sorted(path.stem for path in FOLDER.glob("*.json") if path.stem != "runtimes")


def cases(area: str, pattern: str = "*") -> Iterator[Json]:
    """The cases of an area whose id matches the pattern."""
    for case in json.loads((FOLDER / f"{area}.json").read_text())["cases"]:
        if fnmatch.fnmatch(case["id"], pattern):
            yield case


def manifest() -> Json:
    """The runtimes manifest that a server must have to be played against."""
    found: Json = json.loads((FOLDER / "runtimes.json").read_text())
    return found


def run_name() -> str:
    """Three letters that make this run's names different from those of other runs."""
    return random.choice("bcdfghjkm") + "".join(random.choices(_CONSONANTS, k=2))


def case_variables(case: Json, run: str, namespace: str, host: str) -> Json:
    """What a case starts with."""
    return {"n": f"{run}{case['seq']:04d}", "ns": namespace, "host": host}


def filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """`value` with `{{name}}`, `{{name+1}}` and `{"$repeat": [text, times]}` replaced, at any depth."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _substitute(match, variables), value)
    if isinstance(value, list):
        return [filled(item, variables) for item in value]
    if isinstance(value, dict):
        if list(value) == ["$repeat"]:
            text, times = value["$repeat"]
            return text * times
        return {filled(key, variables): filled(item, variables) for key, item in value.items()}
    return value


def _substitute(match: re.Match[str], variables: Mapping[str, Any]) -> str:
    if match["name"] not in variables:
        return match[0]
    found = variables[match["name"]]
    return str(int(found) + int(match["plus"])) if match["plus"] else str(found)
