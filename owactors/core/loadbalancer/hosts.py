"""The hosts of a cluster as one controller hears of them: each role of each says every second how it is.

What the actor systems say of each other's coming and going are hints: a host that came is shown before it is heard of,
one that left is looked at sooner. Heartbeats alone decide. Times in seconds of any clock that only goes forward.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field, frozen

from owactors.message.host import HostHeartbeat, HostIdentity

#: silence after which a role is taken for gone
SILENCE = 10.0
#: how long a role that left, and one that fell silent, are still shown
SHOWN_STOPPED, SHOWN_OFFLINE = 60.0, 24 * 3600.0
OFFLINE, UNHEALTHY = "offline", "unhealthy"
#: silence after which a role is shown as silent if its host is said to have left
DOUBT = 2.5
JOINING, SILENT = "joining", "silent"


@frozen
class RoleView:
    """A role with its state, the health that the controllers see ("" for none), and when it was last heard of."""

    role: str
    state: str
    health: str
    load: int
    last_seen: float
    boot: str


@frozen
class HostView:
    """A host with its roles; what it says of itself is what its last heartbeat said."""

    name: str
    state: str
    roles: tuple[RoleView, ...]
    last: HostHeartbeat
    last_seen: float


@define
class Hosts:
    """By host and role; `heard` with each heartbeat, `view` when somebody asks."""

    _heard: dict[tuple[str, str, str], tuple[HostHeartbeat, float]] = field(factory=dict)
    #: by name and mark: who is said to have come, and when, and who is said to have left
    _came: dict[tuple[str, str], tuple[HostIdentity, float]] = field(factory=dict)
    _left: dict[tuple[str, str], float] = field(factory=dict)

    def heard(self, beat: HostHeartbeat, now: float) -> None:
        """A later life of the same role on the same host takes the place of the former one."""
        self._heard[beat.host.name, beat.host.node, beat.role] = (beat, now)

    def hinted(self, host: HostIdentity, came: bool, now: float) -> None:
        """Somebody says that the host came, or left; that may be late or wrong."""
        key = (host.name, host.node)
        if came:
            self._left.pop(key, None)
            self._came[key] = (host, now)
        else:
            self._came.pop(key, None)
            self._left[key] = now

    def forget(self, now: float) -> None:
        """Drops what is shown no more."""
        self._came = {key: known for key, known in self._came.items() if now - known[1] < SILENCE}
        self._left = {key: left for key, left in self._left.items() if now - left < SILENCE}
        for key, (beat, heard) in list(self._heard.items()):
            if now - heard > (SHOWN_STOPPED if beat.leaving else SHOWN_OFFLINE):
                del self._heard[key]

    def other_of_name(self, name: str, node: str, kinds: tuple[str, ...], now: float) -> HostHeartbeat | None:
        """Somebody with this name and a role of one of these kinds who is there and has another data folder."""
        for beat, heard in self._heard.values():
            other = beat.host.name == name and beat.host.node != node and beat.role.startswith(kinds)
            if other and not beat.leaving and now - heard < SILENCE:
                return beat
        return None

    def view(self, now: float, health: Mapping[str, str]) -> list[HostView]:
        """All hosts by name. `health` is role, such as "invoker0", to `up`, `unhealthy`, `unresponsive`, `down`."""
        self.forget(now)
        heard = {name for name, _, _ in self._heard}
        views = [self._host(name, now, health) for name in heard]
        coming = [_coming(host, now - came) for host, came in self._came.values() if host.name not in heard]
        return sorted([*views, *coming], key=lambda view: view.name)

    def names(self, kind: str) -> set[str]:
        """Hosts with a role of this kind, "invoker" or "controller", whether they are there or not."""
        return {name for name, _, role in self._heard if role.startswith(kind)}

    def _host(self, name: str, now: float, health: Mapping[str, str]) -> HostView:
        beats = [found for (host, _, _), found in sorted(self._heard.items()) if host == name]
        roles = tuple(
            _role(beat, now - heard, health.get(beat.role, ""), self._doubted(beat, heard)) for beat, heard in beats
        )
        last, heard = max(beats, key=lambda found: found[1])
        return HostView(name, _state(roles), roles, last, now - heard)

    def _doubted(self, beat: HostHeartbeat, heard: float) -> bool:
        """Whether its host is said to have left since it was heard of."""
        return self._left.get((beat.host.name, beat.host.node), heard) > heard


def _coming(host: HostIdentity, since: float) -> HostView:
    """Not heard of yet."""
    return HostView(host.name, JOINING, (), HostHeartbeat(host, "", JOINING, 0, 0, 0, "", ""), since)


def _role(beat: HostHeartbeat, silent: float, health: str, doubted: bool) -> RoleView:
    state = beat.state
    if not beat.leaving and silent >= SILENCE:
        state = OFFLINE
    elif not beat.leaving and doubted and silent >= DOUBT:
        state = SILENT
    elif state == "enabled" and health in ("unhealthy", "unresponsive"):
        state = UNHEALTHY
    return RoleView(beat.role, state, health, beat.load, silent, beat.host.boot)


def _state(roles: tuple[RoleView, ...]) -> str:
    """That of the invoker if it has one that is there; a host with a part missing is not healthy."""
    there = [role for role in roles if role.state not in (OFFLINE, "stopped", "replaced")]
    if not there:
        return min((role.state for role in roles), key=(OFFLINE, "replaced", "stopped").index)
    if any(role.state in (OFFLINE, SILENT) for role in roles):
        return SILENT if all(role.state == SILENT for role in there) else UNHEALTHY
    return next((role.state for role in there if role.role.startswith("invoker")), there[0].state)
