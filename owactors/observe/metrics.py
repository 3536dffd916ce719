"""Counters, gauges and histograms under OpenWhisk's Prometheus names.

Counting is a dictionary operation. Each process counts for itself; `Metrics.snapshot()` is a value that can be
sent to another process, `expose()` adds snapshots up and writes Prometheus' text form.
Names: `counter_<token>_total`, `gauge_<token>`, `histogram_<token>`, with `_seconds` for what lasted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from owactors.observe.tokens import Token

if TYPE_CHECKING:
    from prometheus_client import Metric

#: Upper bounds in seconds of what lasted, and of plain figures; those of Kamon's Prometheus reporter.
TIME_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
VALUE_BOUNDS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0, 30000.0, 100000.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Tags = tuple[tuple[str, str], ...]
Name = tuple[str, Tags]
Figure = TypeVar("Figure")


@frozen
class Snapshot:
    """What one process counted so far.

    Histograms hold the number of values per bucket (one more bucket than bounds) and their sum.
    """

    counters: Mapping[Name, float]
    gauges: Mapping[Name, float]
    histograms: Mapping[Name, tuple[tuple[int, ...], float]]


class _Histogram:
    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value


class Metrics:
    """The figures of one process. Disabled ones cost one comparison."""

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self._counters: dict[Token, float] = defaultdict(float)
        self._gauges: dict[Token, float] = {}
        self._times: dict[Token, _Histogram] = {}
        self._values: dict[Token, _Histogram] = {}

    def count(self, token: Token, by: float = 1) -> None:
        if self.enabled:
            self._counters[token] += by

    def gauge(self, token: Token, value: float) -> None:
        if self.enabled:
            self._gauges[token] = value

    def time(self, token: Token, milliseconds: float) -> None:
        """Adds a duration."""
        if self.enabled:
            self._histogram(self._times, token, TIME_BOUNDS).add(milliseconds / 1000)

    def value(self, token: Token, value: float) -> None:
        """Adds a figure that is no duration."""
        if self.enabled:
            self._histogram(self._values, token, VALUE_BOUNDS).add(value)

    @staticmethod
    def _histogram(those: dict[Token, _Histogram], token: Token, bounds: tuple[float, ...]) -> _Histogram:
        found = those.get(token)
        if found is None:
            found = those[token] = _Histogram(bounds)
        return found

    def snapshot(self) -> Snapshot:
        """The figures now, as a value that can be pickled."""
        histograms = {
            (f"{token.metric}{suffix}", token.tags): (tuple(histogram.buckets), histogram.total)
            for those, suffix in ((self._times, "_seconds"), (self._values, ""))
            for token, histogram in those.items()
        }
        counters = {(token.metric, token.tags): value for token, value in self._counters.items()}
        gauges = {(token.metric, token.tags): value for token, value in self._gauges.items()}
        return Snapshot(counters, gauges, histograms)


#: The figures of this process.
METRICS = Metrics()


def expose(snapshots: Iterable[Snapshot]) -> bytes:
    """The sum of the snapshots in Prometheus' text form."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(list(snapshots)))
    return generate_latest(registry)


class _Collector:
    """Hands the snapshots to prometheus-client."""

    def __init__(self, snapshots: list[Snapshot]) -> None:
        self._snapshots = snapshots

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        counters = _grouped(_added([part.counters for part in self._snapshots]))
        gauges = _grouped(_added([part.gauges for part in self._snapshots]))
        for name, members in counters.items():
            counter = CounterMetricFamily(f"counter_{name}", name, labels=_labels(members))
            for tags, value in members.items():
                counter.add_metric(_label_values(members, tags), value)
            yield counter
        for name, members in gauges.items():
            gauge = GaugeMetricFamily(f"gauge_{name}", name, labels=_labels(members))
            for tags, value in members.items():
                gauge.add_metric(_label_values(members, tags), value)
            yield gauge
        yield from self._histograms()

    def _histograms(self) -> Iterator[Metric]:
        from prometheus_client.core import HistogramMetricFamily

        for name, members in _grouped(_added_histograms([part.histograms for part in self._snapshots])).items():
            bounds = TIME_BOUNDS if name.endswith("_seconds") else VALUE_BOUNDS
            family = HistogramMetricFamily(f"histogram_{name}", name, labels=_labels(members))
            for tags, (buckets, total) in members.items():
                family.add_metric(_label_values(members, tags), _cumulative(bounds, buckets), total)
            yield family


def _added(parts: list[Mapping[Name, float]]) -> dict[Name, float]:
    summed: dict[Name, float] = defaultdict(float)
    for part in parts:
        for name, value in part.items():
            summed[name] += value
    return summed


def _added_histograms(
    parts: list[Mapping[Name, tuple[tuple[int, ...], float]]],
) -> dict[Name, tuple[tuple[int, ...], float]]:
    summed: dict[Name, tuple[tuple[int, ...], float]] = {}
    for part in parts:
        for name, (buckets, total) in part.items():
            before, before_total = summed.get(name, ((0,) * len(buckets), 0.0))
            added = tuple(a + b for a, b in zip(before, buckets, strict=True))
            summed[name] = (added, before_total + total)
    return summed


def _grouped(figures: Mapping[Name, Figure]) -> dict[str, dict[Tags, Figure]]:
    """By name, then by tags."""
    groups: dict[str, dict[Tags, Figure]] = defaultdict(dict)
    for (name, tags), figure in sorted(figures.items()):
        groups[name][tags] = figure
    return groups


def _labels(members: Iterable[Tags]) -> list[str]:
    """All label names that occur under one metric's name."""
    return sorted({label for tags in members for label, _ in tags})


def _label_values(members: Iterable[Tags], tags: Tags) -> list[str]:
    values = dict(tags)
    return [values.get(label, "") for label in _labels(members)]


def _cumulative(bounds: tuple[float, ...], buckets: tuple[int, ...]) -> list[tuple[str, float]]:
    """Prometheus' buckets: how many values were at most each bound."""
    names = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    return list(zip(names, accumulate(buckets), strict=True))
