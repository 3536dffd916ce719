"""Action proxies that run inside a container (`launch/`), and how they are found and started (`launchers`).

Not here: containers, HTTP towards the action, the manifest's values (`entity`). Imports nothing of owactors.
"""

from owactors.runtime.launchers import (
    LAUNCH_FOLDER,
    Launcher,
    LauncherMissing,
    Launchers,
    compile_proxies,
    find_launcher,
    find_launchers,
)

__all__ = [
    "LAUNCH_FOLDER",
    "Launcher",
    "LauncherMissing",
    "Launchers",
    "compile_proxies",
    "find_launcher",
    "find_launchers",
]
