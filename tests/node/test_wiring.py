"""From settings to what the roles are started with."""

from pathlib import Path
from typing import Any

import pytest

from owactors.container.docker.settings import DockerSettings
from owactors.container.sandbox.settings import SandboxSettings
from owactors.message.container import LogFileSettings
from owactors.node.addresses import api_host, is_loopback, local_url
from owactors.node.settings import Settings, load
from owactors.node.wiring import GUEST, controller_setup, invoker_setup, manifest_of
from owactors.node.wiring_containers import factory_settings


def settings(tmp_path: Path, **overrides: Any) -> Settings:
    chosen = {key.replace("__", "."): value for key, value in overrides.items()}
    return load(None, {"node.data_dir": str(tmp_path), **chosen}, {})


@pytest.mark.parametrize(
    ("host", "everywhere", "there"),
    [
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("localhost", False, True),
        ("0.0.0.0", False, False),
        ("10.0.0.1", False, False),
        ("10.0.0.1", True, True),
    ],
)
def test_the_key_that_everybody_knows_opens_loopback_only(
    tmp_path: Path, host: str, everywhere: bool, there: bool
) -> None:
    chosen = settings(tmp_path, node__host=host, keys__guest_everywhere=everywhere)
    subjects = controller_setup(chosen, manifest_of(chosen)).subjects
    assert [subject.subject for subject in subjects] == ([GUEST] if there else [])


def test_no_guest_at_all(tmp_path: Path) -> None:
    chosen = settings(tmp_path, keys__guest=False)
    assert controller_setup(chosen, manifest_of(chosen)).subjects == ()


def test_limits_reach_both_roles(tmp_path: Path) -> None:
    chosen = settings(tmp_path, limits__memory_max="1 GB", limits__time_max="10 min")
    manifest = manifest_of(chosen)
    for bounds in (
        controller_setup(chosen, manifest).rest.limits.bounds,
        invoker_setup(chosen, manifest).bounds,
    ):
        assert (bounds.memory.max, bounds.timeout.max) == (1024, 600_000)


def test_the_back_end_is_the_one_chosen(tmp_path: Path) -> None:
    for backend, kind in (("sandbox", SandboxSettings), ("docker", DockerSettings)):
        chosen = settings(tmp_path, containers__backend=backend)
        assert isinstance(factory_settings(chosen, manifest_of(chosen)), kind)


def test_prewarming_can_be_switched_off(tmp_path: Path) -> None:
    on, off = settings(tmp_path), settings(tmp_path, containers__prewarm=False)
    assert invoker_setup(on, manifest_of(on)).pool.prewarming
    assert not invoker_setup(off, manifest_of(off)).pool.prewarming


def test_addresses(tmp_path: Path) -> None:
    assert api_host(settings(tmp_path, node__host="0.0.0.0", node__port=99)) == "http://127.0.0.1:99"
    assert local_url("::", 5) == "http://[::1]:5"
    assert not is_loopback("example.org")


def test_sweeps_come_as_often_as_the_settings_say(tmp_path: Path) -> None:
    chosen = settings(tmp_path, containers__sweep_interval="5 s")
    assert invoker_setup(chosen, manifest_of(chosen)).sweep_interval == 5


def test_log_stores_reach_both_roles(tmp_path: Path) -> None:
    chosen = settings(tmp_path, logs__store="out-of-band", logs__file_size="1 MB")
    manifest = manifest_of(chosen)
    proxies = invoker_setup(chosen, manifest).proxies
    assert proxies.log_store == "out-of-band"
    assert proxies.log_files == LogFileSettings(str(tmp_path / "logs"), 2**20, 2**30)
    assert controller_setup(chosen, manifest).log_folder == str(tmp_path / "logs")
    elsewhere = settings(tmp_path, logs__folder="/var/log/actions")
    assert controller_setup(elsewhere, manifest).log_folder == "/var/log/actions"


def test_logs_may_go_to_the_engines_log_driver(tmp_path: Path) -> None:
    choice = {"logs__store": "driver", "docker__log_driver": "fluentd", "docker__log_options": ["tag=a"]}
    chosen = settings(tmp_path, containers__backend="docker", **choice)
    manifest = manifest_of(chosen)
    assert invoker_setup(chosen, manifest).proxies.log_store == "driver"
    found = factory_settings(chosen, manifest)
    assert isinstance(found, DockerSettings)
    assert (found.log_driver, found.log_options) == ("fluentd", ("tag=a",))


def test_whether_prewarmed_containers_are_resized(tmp_path: Path) -> None:
    for wanted in (True, False):
        chosen = settings(tmp_path, containers__resize_prewarmed=wanted, containers__prewarm_check_interval="7 s")
        pool = invoker_setup(chosen, manifest_of(chosen)).pool
        assert pool.resize_prewarmed is wanted
        assert pool.prewarm_expiration_check_init_delay == pool.prewarm_expiration_check_interval == 7
