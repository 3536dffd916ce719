"""What the proxy's machine is built of: arguments, records, logs, names, container data, the ping counter."""

from __future__ import annotations

import base64
import os
from typing import Any

import pytest
from attrs import evolve

from owactors.core import logs
from owactors.core import tcpping as t
from owactors.core.activationrecord import activation_record, total_interval
from owactors.core.arguments import ArgumentLocked, partition_arguments, unlock_arguments
from owactors.core.containerproxy.resources import container_name, cpu_limit, cpu_share, creation, pull_policy_of
from owactors.core.parameterencryption import ParameterEncryption
from owactors.core.reply import Interval
from owactors.entity.activation import ActivationResponse
from owactors.entity.exec import BlackBoxExec
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.parameters import Parameters
from owactors.entity.size import ByteSize
from owactors.entity.transaction import UNKNOWN
from owactors.message.container import HealthCheckSettings
from owactors.message.containerdata import (
    MemoryData,
    NoData,
    PreWarmedData,
    WarmedData,
    WarmingColdData,
    WarmingData,
)
from tests.core.proxying import CONTAINER, SETTINGS, T0, action, message


@pytest.mark.scenario("CP-01")
@pytest.mark.parametrize("content", [None, {}])
def test_no_arguments_are_no_arguments(content: Any) -> None:
    assert partition_arguments(content, {"a"}) == ({}, {})


@pytest.mark.scenario("CP-02")
def test_arguments_are_parted_by_name() -> None:
    content = {"a": "x", "b": 1, "C": "y", "D": None}
    assert partition_arguments(content, {"C", "D"}) == ({"C": "y", "D": None}, {"a": "x", "b": 1})
    assert partition_arguments(content, frozenset()) == ({}, content)


@pytest.mark.scenario("CP-03")
def test_an_array_goes_to_run_as_a_whole() -> None:
    assert partition_arguments([1, "C"], {"C"}) == ({}, [1, "C"])


@pytest.mark.scenario("CP-04")
def test_locked_arguments_are_opened_with_the_key() -> None:
    pytest.importorskip("cryptography")
    locker = ParameterEncryption("aes-128", {"aes-128": (os.urandom(16),)}, os.urandom)
    locked = locker.lock(Parameters.of({"secret": {"pin": 1}})).get("secret")
    content = {"secret": locked, "plain": "x"}
    opened = unlock_arguments(content, {"secret": "aes-128"}, locker.unlocks)
    assert opened == {"secret": {"pin": 1}, "plain": "x"}
    assert content["secret"] == locked


def test_what_nobody_can_open_stays_locked_and_a_wrong_key_is_named() -> None:
    def wrong(text: str) -> Any:
        raise ValueError(base64.b64encode(text.encode()))

    content = {"secret": "abc", "number": 1}
    assert unlock_arguments(content, {"secret": "rot13"}, {"aes-128": wrong}) == content
    assert unlock_arguments(content, {"number": "aes-128"}, {"aes-128": wrong}) == content
    assert unlock_arguments([1], {"secret": "aes-128"}, {"aes-128": wrong}) == [1]
    with pytest.raises(ArgumentLocked, match="'secret'"):
        unlock_arguments(content, {"secret": "aes-128"}, {"aes-128": wrong})


@pytest.mark.scenario("CP-05")
def test_the_data_of_the_next_run() -> None:
    wanted, size = action(concurrency=3), ByteSize.mb(256)
    cold = WarmingColdData("guest", wanted, T0, 1)
    warming = WarmingData(CONTAINER, "guest", wanted, T0, 1)
    assert NoData().next_run(wanted, "guest", T0) == cold
    assert MemoryData(size).next_run(wanted, "guest", T0) == cold
    assert PreWarmedData(CONTAINER, "nodejs:20", size).next_run(wanted, "guest", T0) == warming
    for data in (cold, warming, WarmedData(CONTAINER, "guest", wanted, T0, 1)):
        following = data.next_run(wanted, "guest", T0 + 5)
        assert type(following) is type(data)
        assert (following.active_activation_count, following.last_used) == (2, T0 + 5)
        assert following.has_capacity
        assert not following.next_run(wanted, "guest", T0).has_capacity
        assert following.memory_limit == size


def test_a_prewarm_expires() -> None:
    data = PreWarmedData(CONTAINER, "nodejs:20", ByteSize.mb(256), expires=T0)
    assert data.is_expired(T0)
    assert not data.is_expired(T0 - 1)
    assert not evolve(data, expires=None).is_expired(T0)


@pytest.mark.scenario("WIRE-21")
def test_the_annotations_of_a_record() -> None:
    name = FullyQualifiedEntityName("guest/tools", "greet", binding="mira/toolbox")
    begun = int(T0 * 1000)
    record = activation_record(
        action(),
        message(1, cause="c" * 32, action=name),
        ActivationResponse.success({}),
        total_interval(Interval(begun + 100, begun + 150), Interval(begun, begun + 30)),
        Interval(begun, begun + 30),
    )
    assert record.annotations.values == {
        "limits": {"timeout": 1000, "memory": 256, "logs": 1, "concurrency": 1},
        "path": "guest/tools/greet",
        "kind": "nodejs:20",
        "timeout": False,
        "causedBy": "sequence",
        "initTime": 30,
        "waitTime": 50,
        "binding": "mira/toolbox",
    }
    assert (record.start, record.end, record.duration) == (begun + 70, begun + 150, 80)
    assert (record.namespace, record.name, record.subject) == ("guest", "greet", "guest")
    assert (record.version, record.cause) == ("0.0.4", "c" * 32)


def test_names_are_restricted_and_numbered() -> None:
    settings = evolve(SETTINGS, instance=InvokerInstanceId(3, ByteSize.mb(1), unique_name="a b/c"))
    assert container_name(settings, 7, "guest@x", "my action-1") == "wskabc3_7_guestx_myaction1"


def test_shares_of_the_processors() -> None:
    gb, mb = ByteSize.mb(2048), ByteSize.mb
    assert cpu_share(gb, mb(256)) == 128
    assert cpu_share(mb(1024), mb(1)) == 2
    assert cpu_share(mb(256), mb(512)) == 1024
    assert cpu_limit(2.0, mb(768), mb(256)) == 0.66667
    assert cpu_limit(None, gb, mb(256)) is None
    assert cpu_limit(0.01, gb, mb(1)) == 0.01


def test_a_black_box_is_pulled_unless_the_manifest_trusts_it() -> None:
    own = creation(SETTINGS, BlackBoxExec("me/image:1"), ByteSize.mb(256), "n", UNKNOWN)
    trusted = creation(SETTINGS, BlackBoxExec("openwhisk/x", native=True), ByteSize.mb(256), "n", UNKNOWN)
    assert (own.image, own.user_provided_image) == ("me/image:1", True)
    assert not trusted.user_provided_image


def test_an_action_with_an_image_of_its_own_says_when_that_is_pulled() -> None:
    own = action(exec=BlackBoxExec("me/image:1"), annotations=Parameters.of({"image-pull-policy": "Never"}))
    assert (pull_policy_of(own), pull_policy_of(action())) == ("Never", "")
    orders = [creation(SETTINGS, each.exec, ByteSize.mb(256), "n", UNKNOWN, "Never") for each in (own, action())]
    assert [order.pull_policy for order in orders] == ["Never", ""]


@pytest.mark.scenario("WIRE-20")
def test_when_end_marks_are_waited_for() -> None:
    good, bad = ActivationResponse.success({}), ActivationResponse.developer_error("x")
    assert logs.waits_for_sentinel(action(), good, frozenset())
    assert not logs.waits_for_sentinel(action(), bad, frozenset())
    assert not logs.waits_for_sentinel(action(), good, frozenset({"nodejs:20"}))
    assert not logs.waits_for_sentinel(action(exec=BlackBoxExec("me/image")), good, frozenset())
    assert logs.waits_for_sentinel(action(exec=BlackBoxExec("me/image", native=True)), good, frozenset())


def test_a_log_line_has_thirty_columns_of_time() -> None:
    assert logs.log_line("2026-07-29T08:00:00.37Z", "stdout", "hi") == "2026-07-29T08:00:00.37Z        stdout: hi"


@pytest.mark.scenario("CP-52")
def test_the_ping_counter_reports_once() -> None:
    ping = t.TCPPing(HealthCheckSettings(True, 3.0, 2))
    assert ping.handle(t.Enable()) == [t.TickAfter(3.0)]
    assert ping.handle(t.Tick()) == [t.Connect(), t.TickAfter(3.0)]
    assert ping.handle(t.Unreachable("a")) == []
    assert ping.handle(t.Disable()) == [t.StopTicking()]
    assert ping.handle(t.Tick()) == []
    assert ping.handle(t.Unreachable("b")) == [t.StopTicking(), t.ReportDead("not reached 2 times in a row: b")]
    assert ping.handle(t.Unreachable("c")) == []
