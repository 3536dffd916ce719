"""What must hold of a proxy after every event."""

from __future__ import annotations

from collections.abc import Callable

from owactors.core.containerproxy.job import Phase
from owactors.core.containerproxy.machine import Proxy
from owactors.core.containerproxy.states import State
from owactors.message.containerdata import NoData, PreWarmedData, WarmedData

#: the result is known, the log is not yet where it belongs
ENDING = frozenset({Phase.COLLECTING, Phase.KEEPING})


class ProxyBroken(AssertionError):
    """An invariant does not hold; the text has the story."""


def check(proxy: Proxy) -> None:
    """Raises ProxyBroken."""
    try:
        _accounts(proxy)
        _BY_STATE[proxy.state](proxy)
    except AssertionError as broken:
        story = "\n  ".join(proxy.story())
        raise ProxyBroken(f"{broken} in {proxy.state.value}:\n  {story}") from None


def _hold(condition: bool, text: str) -> None:
    if not condition:
        raise AssertionError(text)


def _accounts(proxy: Proxy) -> None:
    """No Run is lost, none counted twice."""
    here = len(proxy.jobs) + proxy.runs_waiting()
    _hold(
        proxy.accepted == proxy.ended + proxy.handed_back + here,
        f"accepted {proxy.accepted}, ended {proxy.ended}, handed back {proxy.handed_back}, here {here}",
    )
    _hold(all(number == job.number for number, job in proxy.jobs.items()), "a job under another's number")
    for job in proxy.jobs.values():
        _hold((job.record is not None) == (job.phase in ENDING), "a record exists while logs are collected")


def _nobody(proxy: Proxy) -> None:
    _hold(not proxy.jobs, "no job is begun")
    _hold(not proxy.buffer, "the buffer is empty")


def _uninitialized(proxy: Proxy) -> None:
    _nobody(proxy)
    _hold(not proxy.stash, "nothing is stashed")
    _hold(isinstance(proxy.data, NoData) and proxy.container is None, "there is no container")


def _starting(proxy: Proxy) -> None:
    _nobody(proxy)
    _hold(proxy.creating and proxy.container is None, "the container is being made")


def _started(proxy: Proxy) -> None:
    _nobody(proxy)
    _hold(not proxy.stash, "nothing is stashed")
    _hold(isinstance(proxy.data, PreWarmedData) and proxy.container is not None, "there is a prewarmed container")


def _running(proxy: Proxy) -> None:
    _hold(bool(proxy.jobs), "there is a job")
    _hold(not proxy.announced, "the pool counts on this container")
    phases = {job.phase for job in proxy.jobs.values()}
    if proxy.creating:
        _hold(phases == {Phase.CREATING} and len(proxy.jobs) == 1, "one job waits for the container")
    elif proxy.resuming:
        _hold(phases == {Phase.RESUMING} and len(proxy.jobs) == 1, "one job waits for the container to wake")
    elif isinstance(proxy.data, WarmedData):
        limit = proxy.data.action.limits.concurrency
        _hold(len(proxy.jobs) <= limit, "no more jobs than the action allows")
        room = len(proxy.jobs) < limit and not proxy.closing
        _hold(not proxy.buffer or not room, "nobody waits while there is room")
        _hold(phases <= {Phase.RUNNING, *ENDING}, "jobs of a warm container run")
    else:
        _hold(isinstance(proxy.data, PreWarmedData) and len(proxy.jobs) == 1, "one job initializes the container")
        _hold(phases <= {Phase.RESIZING, Phase.INITIALIZING, *ENDING}, "it initializes, or failed to")


def _warm_and_idle(proxy: Proxy) -> None:
    _nobody(proxy)
    _hold(isinstance(proxy.data, WarmedData), "the container is warm")
    _hold(not proxy.announced, "the pool counts on this container")


def _idle_without_stash(proxy: Proxy) -> None:
    _warm_and_idle(proxy)
    _hold(not proxy.stash, "nothing is stashed")


def _removing(proxy: Proxy) -> None:
    _hold(proxy.announced, "the pool was told")
    _hold(not proxy.buffer and not proxy.stash, "nobody waits here")
    ways_on = (bool(proxy.jobs), proxy.creating, proxy.destroying, proxy.destroyed)
    _hold(sum(ways_on) == 1, "jobs, a container in the making, a removal or the end: exactly one")


def _gone(proxy: Proxy) -> None:
    _nobody(proxy)
    _hold(not proxy.stash, "nothing is stashed")


_BY_STATE: dict[State, Callable[[Proxy], None]] = {
    State.UNINITIALIZED: _uninitialized,
    State.STARTING: _starting,
    State.STARTED: _started,
    State.RUNNING: _running,
    State.READY: _idle_without_stash,
    State.PAUSING: _warm_and_idle,
    State.PAUSED: _idle_without_stash,
    State.REMOVING: _removing,
    State.GONE: _gone,
}
