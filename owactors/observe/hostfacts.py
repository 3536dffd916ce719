"""What a host can say of itself: its memory, its name, and which code it runs."""

from __future__ import annotations

import socket
from functools import cache
from hashlib import sha256
from pathlib import Path

import owactors

_MEMINFO = Path("/proc/meminfo")


def memory() -> tuple[int, int]:
    """Memory of the host and how much of it is in use, in MB; zeros where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines() if ":" in line)
        total, free = (int(lines[name].split()[0]) // 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return 0, 0
    return total, total - free


def host_name() -> str:
    """As the system has it, with what a name may not hold replaced."""
    return "".join(each if each.isalnum() or each in "._-" else "-" for each in socket.gethostname())[:100] or "host"


@cache
def fingerprint() -> str:
    """Of all files of the program, as they were when this process first asked; the same code has the same one."""
    folder = Path(owactors.__file__).parent
    found = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".js", ".sh")):
        found.update(f"{path.relative_to(folder)}\0".encode())
        found.update(sha256(path.read_bytes()).digest())
    return found.hexdigest()[:12]
