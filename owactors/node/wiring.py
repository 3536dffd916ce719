"""From settings to what each role is started with: the one place that knows both sides."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from attrs import evolve

from owactors import actorbase
from owactors.actor.busmessaging import BusMessaging, BusSettings
from owactors.actor.controllersetup import ControllerSetup, EncryptionKeys, ThrottleSettings
from owactors.actor.invoker import InvokerSetup
from owactors.actor.messaging import MESSAGING
from owactors.actor.store import OpenStore
from owactors.actorbase.keys import load_key
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.http.settings import HttpFirstSettings
from owactors.connector.port import MessagingProvider
from owactors.connector.settings import BrokerSettings
from owactors.connector.topics import Topics
from owactors.container.docker.settings import DEFAULT_HOST, DockerSettings, Holding, PullPolicy
from owactors.container.port import ContainerFactory
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.settings import NetworkMode, SandboxSettings
from owactors.core.containerpool.settings import PoolSettings, PrewarmingConfig, prewarming_of
from owactors.core.controller.limitcheck import SystemLimits
from owactors.core.parameterencryption import read_keys
from owactors.core.requestseal import RequestSeal
from owactors.core.storepolicy import StoreLevel, StorePolicy
from owactors.entity.ids import BasicAuthKey
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.limits import Bounds, LimitBounds
from owactors.entity.manifest import ExecManifest
from owactors.entity.size import ByteSize
from owactors.entity.subject import SubjectDocument, SubjectNamespace
from owactors.message.container import (
    HealthCheckSettings,
    LogErrorSettings,
    LogFileSettings,
    LogStore,
    ProxySettings,
)
from owactors.node.settings import Settings, runtimes_manifest
from owactors.node.settings_tree import LimitsSettings
from owactors.rest.ports import RestSettings
from owactors.runtime import find_launchers
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.retention import RetentionSettings

GUEST = "guest"
#: the key that every OpenWhisk development setup has
GUEST_KEY = BasicAuthKey(
    "23bc46b1-71f6-4ed5-8c54-816aa4f8c502", "123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
)


def manifest_of(settings: Settings) -> ExecManifest:
    """The runtimes manifest that the settings name. DeserializationError names what is wrong with it."""
    return ExecManifest.from_json(json.loads(runtimes_manifest(settings)))


def controller_setup(settings: Settings, manifest: ExecManifest) -> ControllerSetup:
    """What the controller is started with."""
    limits, controller = settings.limits, settings.controller
    return ControllerSetup(
        host=settings.node.host,
        port=settings.node.port,
        instance="0",
        store=_store(settings),
        rest=RestSettings(
            limits=_system_limits(settings),
            blocking_wait=controller.blocking_wait,
            transaction_header=controller.transaction_header,
        ),
        manifest=manifest,
        throttles=ThrottleSettings(
            limits.actions_invokes_perminute, limits.actions_invokes_concurrent, limits.triggers_fires_perminute
        ),
        subjects=(_guest(),) if _guest_allowed(settings) else (),
        encryption=EncryptionKeys(settings.parameter_storage.current, _keys(settings)),
        timeout_factor=controller.timeout_factor,
        timeout_addon=controller.timeout_addon,
        metrics=settings.metrics.enabled,
        log_folder=log_folder(settings),
    )


def store_policy(settings: Settings) -> StorePolicy:
    """Which activations leave a record."""
    controller = settings.controller
    return StorePolicy(StoreLevel(controller.store_blocking_results), StoreLevel(controller.store_non_blocking_results))


def couch_settings(settings: Settings) -> CouchSettings | None:
    """Where the CouchDB is; None if the store is another one."""
    return couchdb_of(settings) if settings.store.backend == "couchdb" else None


def couchdb_of(settings: Settings) -> CouchSettings:
    """The CouchDB that the settings name, whatever the store is. ValueError."""
    couchdb = settings.couchdb
    return evolve(
        CouchSettings.of(couchdb.url, couchdb.username, couchdb.password, couchdb.prefix),
        entities_database=couchdb.entities_database,
        subjects_database=couchdb.subjects_database,
        activations_database=couchdb.activations_database,
    )


def open_store_order(settings: Settings, owner: str) -> OpenStore:
    """How a role that is no controller opens the store; old records are the controllers' business."""
    order = _store(settings)
    return evolve(order, retention=None, couchdb=order.couchdb and evolve(order.couchdb, owner=owner))


def _store(settings: Settings) -> OpenStore:
    store = settings.store
    retention = RetentionSettings(max_age=store.max_age, max_bytes=store.max_bytes.bytes)
    return OpenStore(
        store.backend, str(settings.node.data_dir), store_policy(settings), retention, couch_settings(settings)
    )


def _system_limits(settings: Settings) -> SystemLimits:
    limits = settings.limits
    return SystemLimits(
        bounds=limit_bounds(limits),
        invocations_per_minute=limits.actions_invokes_perminute,
        concurrent_invocations=limits.actions_invokes_concurrent,
        fires_per_minute=limits.triggers_fires_perminute,
        sequence_length=limits.actions_sequence_maxlength,
        parameters=limits.parameters_max,
        exec=limits.code_max,
        payload=limits.payload_max,
        truncation=limits.payload_truncation,
        max_list=settings.controller.max_list_limit,
        default_list=settings.controller.default_list_limit,
    )


def limit_bounds(limits: LimitsSettings) -> LimitBounds:
    """Smallest, standard and largest values of an action's limits."""
    return LimitBounds(
        timeout=Bounds(_ms(limits.time_min), _ms(limits.time_default), _ms(limits.time_max)),
        memory=_mb(limits.memory_min, limits.memory_default, limits.memory_max),
        logs=_mb(limits.logs_min, limits.logs_default, limits.logs_max),
        concurrency=Bounds(limits.concurrency_min, limits.concurrency_default, limits.concurrency_max),
    )


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _mb(least: ByteSize, standard: ByteSize, most: ByteSize) -> Bounds:
    return Bounds(least.to_mb, standard.to_mb, most.to_mb)


def _keys(settings: Settings) -> Mapping[str, tuple[bytes, ...]]:
    storage = settings.parameter_storage
    return {"aes-128": read_keys(storage.aes_128), "aes-256": read_keys(storage.aes_256)}


def _guest() -> SubjectDocument:
    return SubjectDocument(GUEST, (SubjectNamespace(GUEST, GUEST_KEY),))


def _guest_allowed(settings: Settings) -> bool:
    """Everybody knows the guest's key, so it opens a node on loopback only, unless said otherwise."""
    return settings.keys.guest and (settings.keys.guest_everywhere or is_loopback(settings.node.host))


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def invoker_setup(settings: Settings, manifest: ExecManifest) -> InvokerSetup:
    """What the invoker is started with; the addresses are filled in by the supervisor."""
    instance = InvokerInstanceId(0, settings.containers.user_memory, unique_name=None)
    return InvokerSetup(
        instance=instance,
        pool=_pool(settings, manifest),
        proxies=_proxies(settings, manifest, instance),
        manifest=manifest,
        store=None,
        bounds=limit_bounds(settings.limits),
        policy=store_policy(settings),
        factory_settings=factory_settings(settings, manifest),
        colocate=settings.actors.placement == "colocated",
        sweep_interval=settings.containers.sweep_interval,
    )


def _pool(settings: Settings, manifest: ExecManifest) -> PoolSettings:
    containers = settings.containers
    return PoolSettings(
        user_memory=containers.user_memory.to_mb,
        prewarming=_runnable(prewarming_of(manifest), settings) if containers.prewarm else (),
        prewarm_expiration_check_init_delay=containers.prewarm_check_interval,
        prewarm_expiration_check_interval=containers.prewarm_check_interval,
        prewarm_expiration_limit=containers.prewarm_expiration_limit,
        resize_prewarmed=containers.resize_prewarmed,
        idle_ttl=containers.idle_container,
        concurrent_peek_factor=settings.invoker.peek_factor,
    )


def _runnable(configs: tuple[PrewarmingConfig, ...], settings: Settings) -> tuple[PrewarmingConfig, ...]:
    """Without the kinds that this machine cannot start: a sandbox needs the runtime's program."""
    if settings.containers.backend != "sandbox":
        return configs
    launchers = find_launchers({config.exec.kind for config in configs})
    return tuple(config for config in configs if config.exec.kind in launchers.found)


def _proxies(settings: Settings, manifest: ExecManifest, instance: InvokerInstanceId) -> ProxySettings:
    containers, invoker = settings.containers, settings.invoker
    keys = {name: key for name, key in _encoded_keys(settings).items() if key}
    return ProxySettings(
        instance=instance,
        pause_grace=containers.pause_grace,
        unused_timeout=None,
        user_memory=containers.user_memory,
        user_cpus=containers.user_cpus or None,
        environment={"__OW_API_HOST": api_host(settings), **_extra_environment(containers.extra_env)},
        unlock_keys=keys,
        images={kind: runtime.image.public for kind, runtime in manifest.runtimes.items()},
        annotations=containers.annotations,
        log_store=cast(LogStore, settings.logs.store),
        log_files=LogFileSettings(log_folder(settings), settings.logs.file_size.bytes, settings.logs.max_bytes.bytes),
        unsentinelled_kinds=frozenset(kind for kind, r in manifest.runtimes.items() if not r.sentinelled_logs),
        payload_limit=settings.limits.payload_max,
        truncation_limit=settings.limits.payload_truncation,
        health_check=HealthCheckSettings(
            containers.health_check, containers.health_check_period, containers.health_check_max_fails
        ),
        log_errors=LogErrorSettings(
            invoker.log_application_errors, invoker.log_developer_errors, invoker.log_system_errors
        ),
    )


def log_folder(settings: Settings) -> str:
    """Where log files are."""
    return str(Path(settings.logs.folder).expanduser() if settings.logs.folder else settings.node.data_dir / "logs")


def _encoded_keys(settings: Settings) -> dict[str, str]:
    return {"aes-128": settings.parameter_storage.aes_128, "aes-256": settings.parameter_storage.aes_256}


def _extra_environment(lines: tuple[str, ...]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines)


def api_host(settings: Settings) -> str:
    """Where an action reaches the API: what `__OW_API_HOST` says."""
    return settings.invoker.api_host or local_url(settings.node.host, settings.node.port)


def local_url(host: str, port: int) -> str:
    """Where programs on this machine reach a node that listens on `host`."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{port}"


def factory_settings(settings: Settings, manifest: ExecManifest) -> SandboxSettings | DockerSettings:
    """What the container back end is built from."""
    return _docker(settings) if settings.containers.backend == "docker" else _sandbox(settings, manifest)


def _sandbox(settings: Settings, manifest: ExecManifest) -> SandboxSettings:
    sandbox = settings.sandbox
    return SandboxSettings(
        data_dir=settings.node.data_dir,
        kinds=tuple(sorted(manifest.runtimes)),
        zygote=sandbox.zygote,
        bubblewrap=sandbox.bubblewrap,
        cgroups=sandbox.cgroups,
        network=cast(NetworkMode, sandbox.network),
        dns=sandbox.dns_servers,
        open_ports=sandbox.open_ports,
        disk=sandbox.disk.bytes,
        start_timeout=sandbox.start_timeout,
        parallel_starts=settings.containers.parallel_starts,
    )


def _docker(settings: Settings) -> DockerSettings:
    docker = settings.docker
    mark = sha256(str(settings.node.data_dir.absolute()).encode()).hexdigest()[:12]
    return DockerSettings(
        host=docker.host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST,
        node=mark,
        network=docker.network,
        dns=docker.dns_servers,
        dns_search=docker.dns_search,
        dns_options=docker.dns_options,
        user=docker.user,
        ulimits=docker.ulimits,
        open_files=docker.open_files,
        read_only=docker.read_only,
        tmpfs_size=docker.tmpfs_size.bytes,
        extra_args=docker.extra_args,
        runtime=docker.runtime,
        holders=cast(Holding, docker.holders),
        pull=cast(PullPolicy, docker.pull),
        pull_runtimes=docker.pull_runtimes,
        local_image_prefix=docker.local_image_prefix,
        runtimes_registry=docker.runtimes_registry,
        user_images_registry=docker.user_images_registry,
        registry_config=docker.registry_config,
        log_driver=docker.log_driver,
        log_options=docker.log_options,
        call_timeout=docker.command_timeout,
        pull_timeout=docker.pull_timeout,
        parallel_starts=min(settings.containers.parallel_starts, os.cpu_count() or 1),
    )


MessagingSettings = BrokerSettings | BusSettings | HttpFirstSettings


def messaging_settings(settings: Settings, controller: str = "") -> MessagingSettings:
    """How roles speak with each other. `controller` is the id of the one in this process. ValueError."""
    base, cluster = broker_settings(settings, controller), settings.cluster
    if not cluster.http_first:
        return base
    if cluster.key_file is None:
        raise ValueError("calls over HTTP need cluster.key_file, the same key on all hosts (--secret-file).")
    answers = cluster_topics(settings).completed(ControllerInstanceId(controller)).name if controller else ""
    return HttpFirstSettings(base, str(cluster.key_file), answers, settings.kafka.delivery == "accepted-once")


def broker_settings(settings: Settings, controller: str = "") -> BrokerSettings | BusSettings:
    """Where the brokers are, or the controllers' buses."""
    kafka, cluster = settings.kafka, settings.cluster
    if cluster.transport == "kafka":
        return BrokerSettings(kafka.hosts, kafka.replication_factor, kafka.common)
    entrances = tuple(entrance(each) for each in cluster.join)
    return BusSettings(cluster_topics(settings), entrances, controller, ", ".join(cluster.join))


def cluster_topics(settings: Settings) -> Topics:
    """The names of the topics."""
    return Topics(settings.kafka.topics_prefix, settings.kafka.user_events_prefix)


def entrance(text: str) -> Any:
    """The first actor of the process that listens at this host:port. ValueError: the host is not known."""
    host, _, port = text.rpartition(":")
    try:
        return actorbase.address(socket.gethostbyname(host), int(port))
    except OSError as problem:
        raise ValueError(f"cluster.join: {host} is not known: {problem}") from problem


def build_messaging(settings: MessagingSettings) -> MessagingProvider:
    """The provider for what `messaging_settings` gave. ImportError: what is to be installed."""
    if isinstance(settings, HttpFirstSettings):
        seal = RequestSeal(load_key(settings.key_file))
        return HttpFirstMessaging(MESSAGING.get(settings.base), seal, settings.answers, resends=settings.resends)
    if isinstance(settings, BusSettings):
        return BusMessaging(settings)
    from owactors.connector.kafka.provider import KafkaMessaging
    from owactors.connector.kafka.settings import KafkaSettings

    return KafkaMessaging(KafkaSettings(settings.hosts, settings.replication_factor, settings.common))


def build_factory(settings: SandboxSettings | DockerSettings) -> ContainerFactory:
    """The container back end for what `factory_settings` gave."""
    if isinstance(settings, SandboxSettings):
        return SandboxFactory(settings)
    from owactors.container.docker.factory import DockerFactory

    return DockerFactory(settings)
