"""What holds a function in a Docker container back, in the operator's words."""

from __future__ import annotations

from owactors.container import disk
from owactors.container.docker.settings import DockerSettings
from owactors.container.port import Protection


def protections(settings: DockerSettings, maps_users: bool, disk_limited: bool) -> tuple[Protection, ...]:
    """By the settings and what the engine says of itself: user namespaces, and disks that its storage driver limits."""
    image = "the image, " + ("read-only; /tmp and /action in memory" if settings.read_only else "own layer")
    return (
        Protection("file system", True, image),
        Protection("processes", True, "own namespaces"),
        Protection("user", bool(settings.user) or maps_users, _user(settings, maps_users)),
        Protection("capabilities", bool(settings.cap_drop), "dropped: " + ", ".join(settings.cap_drop)),
        Protection("system calls", True, "the engine's default filter, and nothing can be gained"),
        Protection("network", True, f"own interface in network {settings.network!r}, loopback of its own"),
        Protection("neighbours", True, "a key per container, for the packaged kinds"),
        Protection("memory", True, "memory and swap limited together"),
        Protection("pids", True, "limit per container"),
        Protection("open files", True, f"{settings.open_files} per process"),
        disk.protection(settings.disk, _held_disk(settings, disk_limited)),
        *_undone(settings),
    )


def _held_disk(settings: DockerSettings, limited: bool) -> str:
    if settings.read_only:
        return "read-only; /tmp and /action no larger than docker.tmpfs_size"
    return "held by the engine's storage driver, too" if limited else ""


def _undone(settings: DockerSettings) -> tuple[Protection, ...]:
    more = " ".join(settings.extra_args)
    return (Protection("extra arguments", False, f"may undo what is said here: {more}"),) if more else ()


def _user(settings: DockerSettings, maps_users: bool) -> str:
    mapped = ", in a user namespace of the engine" if maps_users else ""
    return (settings.user or "the image's (docker.user)") + mapped
