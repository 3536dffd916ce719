"""Throttles: how many requests a namespace may make in a minute, and how many may be in flight.

Pure state; the time is given in epoch milliseconds. (OpenWhisk, RateThrottler.scala, ActivationThrottler.scala,
Entitlement.scala.)
"""

from __future__ import annotations

import math

from attrs import define, field

from owactors.core.controller.messages import too_many_concurrent, too_many_requests
from owactors.core.controller.rejection import Rejection
from owactors.entity.identity import Identity

_OVERCOMMIT = 1.2
_MINUTE_MS = 60_000
#: seconds until it is worth trying again when too much is in flight
_SOON = 1


@define
class RateThrottle:
    """Counts per calendar minute and namespace. Refused requests count too."""

    minute: int = -1
    counts: dict[str, int] = field(factory=dict)

    def charge(self, namespace_uuid: str, limit: int, now_ms: int) -> None:
        """Counts one request. Rejection 429 when it is beyond `limit` in this minute."""
        minute = now_ms // _MINUTE_MS
        if minute != self.minute:
            self.minute = minute
            self.counts.clear()
        count = self.counts.get(namespace_uuid, 0) + 1
        self.counts[namespace_uuid] = count
        if count > limit:
            rest_of_minute = math.ceil((_MINUTE_MS - now_ms % _MINUTE_MS) / 1000)
            raise Rejection(429, too_many_requests(count, limit), retry_after=rest_of_minute)


def check_concurrency(in_flight: int, limit: int) -> None:
    """Rejection 429 when the namespace has `limit` activations in flight already."""
    if in_flight >= limit:
        raise Rejection(429, too_many_concurrent(in_flight, limit), retry_after=_SOON)


def rate_share(limit: int, cluster_size: int) -> int:
    """One controller's share of a limit that `cluster_size` controllers enforce without talking to each other."""
    if limit == 0 or cluster_size <= 1:
        return limit
    return max(1, math.ceil(limit * _OVERCOMMIT) // cluster_size)


@define
class Throttles:
    """The three throttles of a controller. Limits of the namespace come before the system's."""

    invocations_per_minute: int
    concurrent_invocations: int
    fires_per_minute: int
    #: true if each controller knows only its own activations in flight (sharding balancer)
    divide_concurrency: bool = True
    cluster_size: int = 1
    _invocations: RateThrottle = field(factory=RateThrottle)
    _fires: RateThrottle = field(factory=RateThrottle)

    def charge_invocation(self, user: Identity, now_ms: int) -> None:
        """Counts one invocation against the namespace's rate. Rejection 429."""
        own = user.limits.invocations_per_minute
        limit = self.invocations_per_minute if own is None else own
        self._invocations.charge(user.namespace.uuid, rate_share(limit, self.cluster_size), now_ms)

    def check_in_flight(self, user: Identity, in_flight: int) -> None:
        """Compares activations in flight with what the namespace may have. Rejection 429."""
        own = user.limits.concurrent_invocations
        limit = self.concurrent_invocations if own is None else own
        share = rate_share(limit, self.cluster_size) if self.divide_concurrency else limit
        check_concurrency(in_flight, share)

    def charge_fire(self, user: Identity, now_ms: int) -> None:
        """Counts one trigger fire against the namespace's rate. Rejection 429."""
        own = user.limits.fires_per_minute
        limit = self.fires_per_minute if own is None else own
        self._fires.charge(user.namespace.uuid, rate_share(limit, self.cluster_size), now_ms)
