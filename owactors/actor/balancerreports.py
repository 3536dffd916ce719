"""What a load balancer counts. (OpenWhisk, CommonLoadBalancer.scala, ShardingContainerPoolBalancer.scala.)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from owactors.core.loadbalancer.rooms import InvokerSlots
from owactors.core.loadbalancer.sharding import ShardingChoice, Wanted
from owactors.core.loadbalancer.slots import ActivationSlots
from owactors.core.loadbalancer.supervision import InvokerState
from owactors.entity.instance import InvokerInstanceId
from owactors.observe import tokens
from owactors.observe.metrics import METRICS

#: seconds between two reports
REPORT_SECONDS = 10.0
Gauges = dict[tokens.Token, float]
_SHOWN = {
    InvokerState.HEALTHY: "Healthy",
    InvokerState.UNHEALTHY: "Unhealthy",
    InvokerState.UNRESPONSIVE: "Unresponsive",
    InvokerState.OFFLINE: "Offline",
}


def set_gauges(gauges: Gauges) -> None:
    """These are the figures now."""
    for token, value in gauges.items():
        METRICS.gauge(token, value)


def in_flight(controller: str, slots: ActivationSlots, wanted: Mapping[str, Wanted] | None = None) -> Gauges:
    """Activations under way and their memory in MB; divided by where they run if `wanted` tells it."""
    gauges: Gauges = {
        tokens.in_flight(controller, "activations"): slots.total,
        tokens.in_flight(controller, "memory"): slots.memory,
    }
    if wanted is not None:
        pulled = sum(
            e.memory for e in slots.entries.values() if e.activation_id in wanted and wanted[e.activation_id].blackbox
        )
        gauges[tokens.in_flight(controller, "memoryBlackbox")] = pulled
        gauges[tokens.in_flight(controller, "memoryManaged")] = slots.memory - pulled
    return gauges


def capacity(choice: ShardingChoice, states: Sequence[tuple[InvokerInstanceId, str]]) -> Gauges:
    """Memory of the usable invokers, and how many are in which state, of both parts."""
    gauges: Gauges = {}
    for part, invokers in (("Managed", choice.managed), ("BlackBox", choice.blackboxes)):
        gauges[tokens.total_capacity(part)] = sum(each.user_memory for each in invokers if each.usable)
        shown = [states[each.instance][1] for each in _known(invokers, len(states))]
        for state, name in _SHOWN.items():
            gauges[tokens.total_invokers(name, part)] = shown.count(state.value)
    return gauges


def _known(invokers: Iterable[InvokerSlots], count: int) -> list[InvokerSlots]:
    return [each for each in invokers if each.instance < count]


def http_sends(counts: Mapping[str, int]) -> Gauges:
    """How sends went that could go over HTTP."""
    return {tokens.http_first(outcome): count for outcome, count in counts.items()}
