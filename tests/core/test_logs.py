"""The rules for the logs of activations."""

from __future__ import annotations

import pytest

from owactors.core import logs
from owactors.entity.activation import ActivationResponse
from tests.core.proxying import action

TIME = "2026-07-29T08:00:00.371204518Z"
FINE = ActivationResponse.success({}, 2)
BROKEN = ActivationResponse.developer_error("no")


@pytest.mark.scenario("LG-01")
def test_a_line_has_time_stream_and_text() -> None:
    assert logs.log_line(TIME, "stdout", "hello") == f"{TIME} stdout: hello"
    assert logs.log_line("2026-07-29T08:00:00Z", "stderr", "") == "2026-07-29T08:00:00Z           stderr: "


@pytest.mark.scenario("LG-01")
def test_an_empty_log_is_a_log() -> None:
    assert logs.with_warning((), FINE, TIME) == ()


@pytest.mark.scenario("LG-02")
@pytest.mark.parametrize("lines", [(), (f"{TIME} stdout: a",)])
def test_a_developer_error_adds_a_warning(lines: tuple[str, ...]) -> None:
    warned = logs.with_warning(lines, BROKEN, TIME)
    assert warned[:-1] == lines
    assert warned[-1] == f"{TIME} stderr: {logs.LOG_WARNING_DEVELOPER_ERROR}"


def test_who_waits_for_end_marks() -> None:
    wanted = action()
    assert logs.waits_for_sentinel(wanted, FINE, frozenset())
    assert not logs.waits_for_sentinel(wanted, BROKEN, frozenset())
    assert not logs.waits_for_sentinel(wanted, FINE, frozenset([wanted.exec.kind]))


def test_an_action_without_a_log_limit_has_no_log() -> None:
    assert logs.are_collected(action(), "record")
    assert not logs.are_collected(action(logs=0), "record")
    assert not logs.are_collected(action(), "driver")
