"""What the roles of a cluster are started with, whatever the transport."""

from __future__ import annotations

import hmac
import logging
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import evolve, fields

from owactors.actor.clustersetup import ClusterControllerSetup, ClusterInvokerSetup, ClusterSettings
from owactors.actorbase import KEY_FILE, LISTEN, PROCESS_PORT, TLS_AUTHORITY, TLS_CERTIFICATE, TLS_KEY
from owactors.actorbase.keys import load_key
from owactors.core.loadbalancer.outbox import OutboxSettings
from owactors.entity.instance import InvokerInstanceId
from owactors.message.host import HostIdentity
from owactors.message.node import StartRole, StoreKeeper
from owactors.node.addresses import api_host, own_address
from owactors.node.folder import Keys
from owactors.node.settings import Settings
from owactors.node.settings_shared import shared
from owactors.node.wiring import controller_setup, invoker_setup, manifest_of
from owactors.node.wiring_messaging import (
    broker_settings,
    build_messaging,
    cluster_topics,
    messaging_settings,
    tls_files,
)
from owactors.node.wiring_stores import open_store_order
from owactors.observe.hostfacts import host_name

logger = logging.getLogger(__name__)


def controller_order(
    settings: Settings, keys: Keys, keeper: StoreKeeper | None = None, convention: str = ""
) -> StartRole:
    """How a controller is started; `keeper` is the one that has the documents, if it is another one.

    `convention` is where other hosts reach its system's admin. ValueError, ImportError.
    """
    check(settings)
    setup = controller_setup(settings, manifest_of(settings))
    if keeper is not None:
        setup = evolve(setup, store=evolve(setup.store, retention=None))
    values = {**_values(setup), "instance": settings.controller.id, "admin_key": keys.admin}
    order = ClusterControllerSetup(
        **values,
        keeper=keeper,
        convention=convention,
        cluster=cluster_settings(settings, keys, settings.controller.id),
        shared=shared(evolve(settings, invoker=evolve(settings.invoker, api_host=api_host(settings)))),
        operators_key=operators_key(settings.cluster.key_file) if keys.admin else "",
    )
    return StartRole("controller", order, settings.node.drain_timeout, process_of(settings))


def invoker_order(settings: Settings, keys: Keys, number: int, keeper: StoreKeeper | None = None) -> StartRole:
    """How an invoker is started; `keeper` has the store open, if the invoker is not to open it itself."""
    check(settings)
    setup, invoker = invoker_setup(settings, manifest_of(settings)), settings.invoker
    instance = InvokerInstanceId(
        number,
        settings.containers.user_memory,
        unique_name=invoker.unique_name or None,
        displayed_name=invoker.displayed_name or None,
    )
    # over Kafka a controller may be OpenWhisk's: it hears what its own invokers would say
    proxies = evolve(setup.proxies, instance=instance, one_ack=settings.cluster.transport != "kafka")
    values = {**_values(setup), "instance": instance, "proxies": proxies, "store": keeper and keeper.store}
    order = ClusterInvokerSetup(
        **{**values, "blacklist_interval": invoker.blacklist_interval},
        cluster=cluster_settings(settings, keys),
        open_store=open_store_order(settings, f"invoker{number}"),
        host=settings.node.host,
        port=invoker.port,
        journal=str(Path(settings.node.data_dir) / "taken.journal"),
        username=invoker.username,
        password=invoker.password,
    )
    return StartRole("invoker", order, settings.node.drain_timeout)


def _values(setup: Any) -> dict[str, Any]:
    return {part.name: getattr(setup, part.name) for part in fields(type(setup))}


def check(settings: Settings) -> None:
    """ValueError: what a cluster cannot do with. ImportError: what is missing."""
    if settings.actors.base != "own":
        raise ValueError('controllers and invokers of a cluster need actors.base = "own".')
    build_messaging(broker_settings(settings))
    messaging_settings(settings)
    key_file = settings.cluster.key_file
    if settings.cluster.http_first and settings.cluster.transport == "kafka" and key_file and not key_file.exists():
        raise ValueError(
            f"there is no key file {key_file}: make one of 32 random bytes, readable for its owner only, and copy it "
            "to every host."
        )
    if settings.cluster.transport == "actors" and settings.cluster.key_file is None:
        raise ValueError("hosts that speak with each other need cluster.key_file, the same key on all of them.")
    tls_files(settings)


def process_of(settings: Settings) -> dict[str, Any]:
    """Other hosts find the controller's process at its bus address."""
    if settings.cluster.transport == "kafka":
        return {}
    return {PROCESS_PORT: int(settings.cluster.listen.rpartition(":")[2])}


def network(settings: Settings, towards: str) -> dict[str, Any]:
    """Capabilities for other hosts: it listens at its address on the way to this host:port, which may be its own."""
    if settings.cluster.transport == "kafka":
        return {}
    cluster = settings.cluster
    files = {TLS_CERTIFICATE: cluster.tls_certificate, TLS_KEY: cluster.tls_key, TLS_AUTHORITY: cluster.tls_authority}
    tls = {name: str(path) for name, path in files.items() if path is not None}
    return {LISTEN: own_address(towards), KEY_FILE: str(cluster.key_file), **tls}


def http_host(settings: Settings) -> str:
    """Where other hosts reach the HTTP server of an invoker on this one."""
    cluster, host = settings.cluster, settings.node.host
    if cluster.http_host or host not in ("0.0.0.0", "::", ""):
        return cluster.http_host or host
    return own_address(next(iter(settings.kafka.hosts if cluster.transport == "kafka" else cluster.join), ""))


def operators_key(key_file: Path | None) -> str:
    """What opens the operator's routes of every controller, for who has the secret; "" without one. BadKeyFile."""
    if key_file is None:
        return ""
    return hmac.new(load_key(str(key_file)), b"owactors operator", sha256).hexdigest()


def host_name_of(settings: Settings) -> str:
    """Its lasting name."""
    return settings.node.name or host_name()


def identity_of(settings: Settings, keys: Keys) -> HostIdentity:
    """This life of this host."""
    return HostIdentity(host_name_of(settings), keys.node, keys.boot)


def cluster_settings(settings: Settings, keys: Keys, controller: str = "") -> ClusterSettings:
    """What all roles share. `controller` is the id of the one in this process."""
    kafka, own = settings.kafka, settings.controller
    return ClusterSettings(
        messaging=messaging_settings(settings, controller),
        topics=cluster_topics(settings),
        managed_fraction=own.managed_fraction,
        blackbox_fraction=own.blackbox_fraction,
        health_kind=own.health_kind,
        memory_min=settings.limits.memory_min.to_mb,
        time_max=round(settings.limits.time_max * 1000),
        user_events=kafka.user_events,
        accepted_once=kafka.delivery == "accepted-once",
        outbox=OutboxSettings(kafka.hold_calls, kafka.hold_time),
        http_host=http_host(settings),
        http_queue=settings.cluster.http_queue,
        host=identity_of(settings, keys),
    )
