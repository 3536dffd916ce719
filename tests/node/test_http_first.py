"""From settings to the transport over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from owactors.actor.bus import BusSettings
from owactors.actor.busmessaging import BusMessaging
from owactors.actor.messaging import MESSAGING
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.http.settings import HttpFirstSettings, underlying
from owactors.connector.settings import BrokerSettings
from owactors.node.cluster import check, http_host
from owactors.node.settings import Settings, load
from owactors.node.settings_shared import shared, with_shared
from owactors.node.wiring_messaging import build_messaging, messaging_settings

KAFKA = {"kafka__hosts": "127.0.0.1:9092"}


def settings(tmp_path: Path, **overrides: Any) -> Settings:
    options = {name.replace("__", "."): value for name, value in overrides.items()}
    return load(None, {"node.data_dir": str(tmp_path), **options}, {"XDG_CONFIG_HOME": str(tmp_path)})


def key_in(tmp_path: Path) -> str:
    key = tmp_path / "cluster.key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    return str(key)


def test_the_broker_is_below(tmp_path: Path) -> None:
    key = key_in(tmp_path)
    plain = messaging_settings(settings(tmp_path, **KAFKA), "0")
    assert isinstance(plain, BrokerSettings)
    first = messaging_settings(
        settings(tmp_path, cluster__http_first="true", cluster__key_file=key, kafka__topics_prefix="dev-", **KAFKA), "0"
    )
    assert first == HttpFirstSettings(plain, key, "dev-completed0", resends=True, calls="dev-invoker")
    assert underlying(first) == underlying(plain) == plain
    invoker = messaging_settings(
        settings(tmp_path, cluster__http_first="true", cluster__key_file=key, kafka__delivery="at-most-once", **KAFKA)
    )
    assert invoker == HttpFirstSettings(plain, key, "", resends=False)


def test_it_is_built_above_the_one_bus_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MESSAGING, "build", build_messaging)
    monkeypatch.setattr(MESSAGING, "_made", [])
    made = messaging_settings(
        settings(tmp_path, cluster__http_first="true", cluster__key_file=key_in(tmp_path), cluster__transport="actors")
    )
    assert isinstance(made, HttpFirstSettings)
    provider = MESSAGING.get(made)
    assert isinstance(provider, HttpFirstMessaging)
    assert isinstance(made.base, BusSettings)
    assert isinstance(provider.base, BusMessaging)
    assert MESSAGING.get(made.base) is provider.base


def test_without_the_cluster_s_key_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"calls over HTTP need cluster\.key_file"):
        check(settings(tmp_path, cluster__http_first="true", **KAFKA))
    missing = str(tmp_path / "nowhere.key")
    with pytest.raises(ValueError, match="there is no key file"):
        check(settings(tmp_path, cluster__http_first="true", cluster__key_file=missing, **KAFKA))
    check(settings(tmp_path, cluster__http_first="true", cluster__key_file=key_in(tmp_path), **KAFKA))


def test_others_are_told_an_address_that_they_can_reach(tmp_path: Path) -> None:
    assert http_host(settings(tmp_path, node__host="10.1.2.3")) == "10.1.2.3"
    assert http_host(settings(tmp_path, node__host="0.0.0.0", cluster__http_host="invoker7.local")) == "invoker7.local"
    towards = {"kafka__hosts": "127.0.0.1:9092"}
    assert http_host(settings(tmp_path, node__host="0.0.0.0", **towards)) == "127.0.0.1"


def test_a_host_that_joins_sends_as_the_cluster_does(tmp_path: Path) -> None:
    there = settings(tmp_path, cluster__http_first="true", cluster__key_file=key_in(tmp_path))
    assert with_shared(settings(tmp_path), shared(there)).cluster.http_first is True
