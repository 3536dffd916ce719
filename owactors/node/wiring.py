"""From settings to what each role is started with: the one place that knows both sides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from owactors.actor.controllersetup import ControllerSetup, EncryptionKeys, ThrottleSettings
from owactors.actor.invoker import InvokerSetup
from owactors.core.containerpool.settings import PoolSettings, PrewarmingConfig, prewarming_of
from owactors.core.controller.limitcheck import SystemLimits
from owactors.core.parameterencryption import read_keys
from owactors.entity.ids import BasicAuthKey
from owactors.entity.instance import InvokerInstanceId
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
from owactors.node.addresses import api_host, is_loopback
from owactors.node.settings import Settings, runtimes_manifest
from owactors.node.settings_tree import LimitsSettings
from owactors.node.wiring_containers import factory_settings
from owactors.node.wiring_stores import store_order, store_policy
from owactors.rest.ports import RestSettings
from owactors.runtime import find_launchers

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
        store=store_order(settings),
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
