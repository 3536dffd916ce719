"""The reference of all settings, made from config/owactors.toml so that it cannot differ from it."""

from __future__ import annotations

from collections import defaultdict

from owactors.node.settings_openwhisk import NAMES
from owactors.node.settings_sources import default_text

_HEAD = """# Settings

Made by `owactors config --markdown` from `config/owactors.toml`; a test keeps this page equal to it.

Where a value comes from, later ones win:

1. the defaults below,
2. `~/.config/owactors/owactors.toml`, or the file named with `--config` or `OWACTORS_CONFIG`,
3. the environment variable `OWACTORS_<SECTION>_<KEY>`, such as `OWACTORS_CONTAINERS_USER_MEMORY="4 GB"`,
4. the names of OpenWhisk's own configuration in the environment, where the table gives one,
5. the command line: `--port`, `--set containers.user_memory="4 GB"`, …

`owactors config` shows what holds and where each value came from. A key that does not exist and a value that does
not fit stop the start with the place, the key and what would be right. Sizes are written `256 MB` or `2 GB` (powers
of 1024), times `100 ms`, `10 s`, `5 min`, `1 h` or `7 d`.
"""


def page() -> str:
    """The text of docs/settings.md."""
    return _HEAD + "".join(_lines())


def _lines() -> list[str]:
    openwhisk = defaultdict(list)
    for name, key in NAMES.items():
        openwhisk[key].append(f"`{name}`")
    lines: list[str] = []
    section, sentence = "", ""
    for line in default_text("owactors.toml").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            sentence = ""
            lines.append(f"\n## {section}\n\n| key | default | meaning | OpenWhisk's name |\n|---|---|---|---|\n")
        elif line.startswith("# "):
            sentence = f"{sentence} {line[2:]}".lstrip()
        elif " = " in line:
            key, _, value = line.partition(" = ")
            known = ", ".join(openwhisk[f"{section}.{key}"])
            lines.append(f"| `{key}` | `{value}` | {sentence} | {known} |\n")
            sentence = ""
    return lines
