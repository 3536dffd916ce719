"""The figures under OpenWhisk's Prometheus names, added up over processes."""

from __future__ import annotations

import pickle

from prometheus_client.parser import text_string_to_metric_families

from owactors.observe.metrics import Metrics, Snapshot, expose
from owactors.observe.tokens import (
    DATABASE_BATCH_SIZE,
    INVOKER_ACTIVATION,
    INVOKER_ACTIVATION_RUN,
    POOL_ACTIVE_COUNT,
    completion_ack,
    container_start,
    invoker_state,
)


def samples(*snapshots: Snapshot) -> dict[tuple[str, tuple[str, ...]], float]:
    """Name and label values -> value, as a Prometheus server reads them."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(expose(snapshots).decode())
        for sample in family.samples
    }


def test_names_are_those_of_openwhisk_s_exporter() -> None:
    metrics = Metrics()
    metrics.count(INVOKER_ACTIVATION)
    metrics.gauge(POOL_ACTIVE_COUNT, 3)
    metrics.time(INVOKER_ACTIVATION_RUN.finish, 30)
    metrics.value(DATABASE_BATCH_SIZE, 17)
    metrics.count(container_start("cold", "mira", "aria", "greet"))

    text = expose([metrics.snapshot()]).decode()

    for line in (
        "counter_invoker_activation_start_total 1.0",
        "gauge_containerPool_activeCount_counter 3.0",
        'histogram_invoker_activationRun_finish_seconds_bucket{le="0.025"} 0.0',
        'histogram_invoker_activationRun_finish_seconds_bucket{le="0.05"} 1.0',
        "histogram_invoker_activationRun_finish_seconds_sum 0.03",
        "histogram_invoker_activationRun_finish_seconds_count 1.0",
        'histogram_database_batchSize_counter_bucket{le="30"} 1.0',
        "counter_invoker_containerStart_counter_total"
        '{action="greet",containerState="cold",initiator="mira",namespace="aria"} 1.0',
    ):
        assert line in text.splitlines()


def test_figures_of_several_processes_are_added() -> None:
    first, second = Metrics(), Metrics()
    for metrics in (first, second):
        metrics.count(INVOKER_ACTIVATION, 2)
        metrics.time(INVOKER_ACTIVATION_RUN.finish, 1000)
    second.count(invoker_state("down"))

    read = samples(first.snapshot(), pickle.loads(pickle.dumps(second.snapshot())))

    assert read["counter_invoker_activation_start_total", ()] == 4
    assert read["histogram_invoker_activationRun_finish_seconds_count", ()] == 2
    assert read["counter_loadbalancer_invokerState_counter_total", ("down",)] == 1


def test_every_value_is_in_exactly_one_bucket() -> None:
    metrics = Metrics()
    for milliseconds in (0, 5, 5.1, 10_000, 60_000):
        metrics.time(INVOKER_ACTIVATION_RUN.finish, milliseconds)

    read = samples(metrics.snapshot())
    bucket = "histogram_invoker_activationRun_finish_seconds_bucket"

    assert [read[bucket, (bound,)] for bound in ("0.005", "0.01", "10", "+Inf")] == [2, 3, 4, 5]


def test_disabled_metrics_count_nothing() -> None:
    metrics = Metrics(enabled=False)
    metrics.count(INVOKER_ACTIVATION)
    metrics.time(INVOKER_ACTIVATION_RUN.finish, 1)

    assert metrics.snapshot() == Snapshot({}, {}, {})


def test_tokens_read_as_in_openwhisk() -> None:
    assert INVOKER_ACTIVATION_RUN.finish.text == "invoker_activationRun_finish"
    assert completion_ack("0", "regular").metric == "loadbalancer_completionAck_counter"
    assert invoker_state("down").text == "loadbalancer_invokerState.down_counter"
    assert invoker_state("down").metric == "loadbalancer_invokerState_counter"
