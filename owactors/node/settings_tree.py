"""The settings as typed, frozen values: one class per section, one attribute per key of config/owactors.toml.

Belongs here: names, types and bounds. Defaults and explanations are in config/owactors.toml, where values
come from is in settings_sources.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NewType

from attrs import field, frozen

from owactors.entity.size import ByteSize

Seconds = NewType("Seconds", float)
NetworkMode = NewType("NetworkMode", str)


_SECRET = {"secret": True}


def _one_of(*choices: str) -> Mapping[str, tuple[str, ...]]:
    return {"choices": choices}


def _at_least(least: float | ByteSize, at_most: float | None = None) -> Mapping[str, float | ByteSize | None]:
    return {"at_least": least, "at_most": at_most}


@frozen(kw_only=True)
class NodeSettings:
    host: str
    port: int = field(metadata=_at_least(0, 65535))
    data_dir: Path
    name: str
    runtimes: str
    drain_timeout: Seconds


@frozen(kw_only=True)
class ControllerSettings:
    blocking_wait: Seconds
    transaction_header: str
    max_list_limit: int = field(metadata=_at_least(1))
    default_list_limit: int = field(metadata=_at_least(1))
    timeout_factor: int = field(metadata=_at_least(1))
    timeout_addon: Seconds
    store_blocking_results: str = field(metadata=_one_of("all", "failures", "system-failures"))
    store_non_blocking_results: str = field(metadata=_one_of("all", "failures", "system-failures"))
    id: str
    managed_fraction: float = field(metadata=_at_least(0, 1))
    blackbox_fraction: float = field(metadata=_at_least(0, 1))
    health_kind: str
    load_balancer: str = field(metadata=_one_of("sharding", "lean"))


@frozen(kw_only=True)
class InvokerSettings:
    id: int = field(metadata=_at_least(-1))
    unique_name: str
    overwrite_id: int = field(metadata=_at_least(-1))
    displayed_name: str
    port: int = field(metadata=_at_least(0, 65535))
    username: str
    password: str = field(repr=False, metadata=_SECRET)
    api_host: str
    blacklist_interval: Seconds = field(metadata=_at_least(1))
    peek_factor: float = field(metadata=_at_least(0.01, 1))
    log_application_errors: bool
    log_developer_errors: bool
    log_system_errors: bool


@frozen(kw_only=True)
class ContainersSettings:
    backend: str = field(metadata=_one_of("sandbox", "docker"))
    user_memory: ByteSize = field(metadata=_at_least(ByteSize(1)))
    user_cpus: float = field(metadata=_at_least(0))
    pause_grace: Seconds
    idle_container: Seconds
    prewarm: bool
    prewarm_check_interval: Seconds = field(metadata=_at_least(1))
    prewarm_expiration_limit: int = field(metadata=_at_least(1))
    resize_prewarmed: bool
    parallel_starts: int = field(metadata=_at_least(1))
    health_check: bool
    health_check_period: Seconds = field(metadata=_at_least(0.1))
    health_check_max_fails: int = field(metadata=_at_least(1))
    sweep_interval: Seconds = field(metadata=_at_least(1))
    annotations: bool
    extra_env: tuple[str, ...]


@frozen(kw_only=True)
class LogsSettings:
    store: str = field(metadata=_one_of("record", "file", "out-of-band", "driver"))
    folder: str
    file_size: ByteSize = field(metadata=_at_least(ByteSize(1)))
    max_bytes: ByteSize = field(metadata=_at_least(ByteSize(1)))


@frozen(kw_only=True)
class SandboxSettings:
    zygote: bool
    bubblewrap: bool
    cgroups: bool
    network: NetworkMode = field(metadata=_one_of("auto", "guarded", "host", "private", "none"))
    dns_servers: tuple[str, ...]
    open_ports: tuple[int, ...]
    disk: ByteSize
    start_timeout: Seconds = field(metadata=_at_least(0.1))


@frozen(kw_only=True)
class DockerSettings:
    host: str
    network: str
    dns_servers: tuple[str, ...]
    dns_search: tuple[str, ...]
    dns_options: tuple[str, ...]
    user: str
    ulimits: tuple[str, ...]
    open_files: int = field(metadata=_at_least(64))
    disk: ByteSize
    read_only: bool
    tmpfs_size: ByteSize = field(metadata=_at_least(ByteSize(1)))
    extra_args: tuple[str, ...]
    runtime: str
    holders: str = field(metadata=_one_of("off", "auto", "on"))
    pull: str = field(metadata=_one_of("openwhisk", "always", "missing", "never"))
    pull_runtimes: bool
    runtimes_registry: str
    user_images_registry: str
    registry_config: str
    log_driver: str
    log_options: tuple[str, ...]
    command_timeout: Seconds = field(metadata=_at_least(1))
    pull_timeout: Seconds = field(metadata=_at_least(1))
    local_image_prefix: str


@frozen(kw_only=True)
class StoreSettings:
    backend: str = field(metadata=_one_of("sqlite", "memory", "couchdb"))
    max_age: Seconds
    max_bytes: ByteSize


@frozen(kw_only=True)
class CouchdbSettings:
    url: str
    username: str
    password: str = field(repr=False, metadata=_SECRET)
    prefix: str
    entities_database: str
    subjects_database: str
    activations_database: str


@frozen(kw_only=True)
class ClusterSettings:
    transport: str = field(metadata=_one_of("kafka", "actors"))
    listen: str
    join: tuple[str, ...]
    key_file: Path | None
    tls_certificate: Path | None
    tls_key: Path | None
    tls_authority: Path | None
    http_first: bool
    http_queue: int = field(metadata=_at_least(1))
    http_host: str


@frozen(kw_only=True)
class KafkaSettings:
    hosts: tuple[str, ...]
    topics_prefix: str
    user_events_prefix: str
    replication_factor: int = field(metadata=_at_least(1))
    delivery: str = field(metadata=_one_of("accepted-once", "at-most-once"))
    hold_calls: int = field(metadata=_at_least(0))
    hold_time: Seconds = field(metadata=_at_least(0))
    user_events: bool
    lag_interval: Seconds = field(metadata=_at_least(1))
    common: Mapping[str, str]


@frozen(kw_only=True)
class LimitsSettings:
    actions_invokes_perminute: int = field(metadata=_at_least(0))
    actions_invokes_concurrent: int = field(metadata=_at_least(0))
    triggers_fires_perminute: int = field(metadata=_at_least(0))
    actions_sequence_maxlength: int = field(metadata=_at_least(1))
    memory_min: ByteSize = field(metadata=_at_least(ByteSize(1)))
    memory_default: ByteSize
    memory_max: ByteSize
    time_min: Seconds
    time_default: Seconds
    time_max: Seconds
    logs_min: ByteSize
    logs_default: ByteSize
    logs_max: ByteSize
    concurrency_min: int = field(metadata=_at_least(1))
    concurrency_default: int
    concurrency_max: int
    parameters_max: ByteSize
    code_max: ByteSize
    payload_max: ByteSize
    payload_truncation: ByteSize


@frozen(kw_only=True)
class ActorsSettings:
    base: str = field(metadata=_one_of("own", "multiprocTCPBase", "multiprocUDPBase"))
    placement: str = field(metadata=_one_of("colocated", "process"))


@frozen(kw_only=True)
class KeysSettings:
    guest: bool
    guest_everywhere: bool


@frozen(kw_only=True)
class ParameterStorageSettings:
    current: str = field(metadata=_one_of("off", "aes-128", "aes-256"))
    aes_128: str = field(repr=False, metadata=_SECRET)
    aes_256: str = field(repr=False, metadata=_SECRET)


@frozen(kw_only=True)
class LoggingSettings:
    level: str = field(metadata=_one_of("debug", "info", "warning", "error"))
    format: str = field(metadata=_one_of("text", "json"))
    markers: bool
    levels: Mapping[str, str]


@frozen(kw_only=True)
class MetricsSettings:
    enabled: bool


@frozen(kw_only=True)
class Settings:
    """The whole tree, and where each value came from."""

    node: NodeSettings
    controller: ControllerSettings
    invoker: InvokerSettings
    containers: ContainersSettings
    logs: LogsSettings
    sandbox: SandboxSettings
    docker: DockerSettings
    store: StoreSettings
    couchdb: CouchdbSettings
    cluster: ClusterSettings
    kafka: KafkaSettings
    limits: LimitsSettings
    actors: ActorsSettings
    keys: KeysSettings
    parameter_storage: ParameterStorageSettings
    logging: LoggingSettings
    metrics: MetricsSettings
    #: "section.key" -> "default", "command line", "environment OWACTORS_…" or the file's name
    origins: Mapping[str, str] = field(eq=False, repr=False)
    #: names of OpenWhisk's configuration in the environment that mean nothing here
    ignored: tuple[str, ...] = field(eq=False, repr=False)
