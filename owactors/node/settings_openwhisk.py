"""OpenWhisk's configuration names that people know, and which setting each one is.

`CONFIG_whisk_containerPool_userMemory` stands for `whisk.container-pool.user-memory` in OpenWhisk's files
(`_` for `.`, camel case for dashes); the others are the keys of its `WhiskConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from owactors.node.settings_errors import BadSetting

#: Environment variable of OpenWhisk -> setting.
NAMES: Mapping[str, str] = {
    "KAFKA_HOSTS": "kafka.hosts",
    "WHISK_API_HOST_NAME": "invoker.api_host",
    "WHISK_API_HOST_PORT": "invoker.api_host",
    "WHISK_API_HOST_PROTO": "invoker.api_host",
    "RUNTIMES_MANIFEST": "node.runtimes",
    "LIMITS_ACTIONS_INVOKES_PERMINUTE": "limits.actions_invokes_perminute",
    "LIMITS_ACTIONS_INVOKES_CONCURRENT": "limits.actions_invokes_concurrent",
    "LIMITS_TRIGGERS_FIRES_PERMINUTE": "limits.triggers_fires_perminute",
    "LIMITS_ACTIONS_SEQUENCE_MAXLENGTH": "limits.actions_sequence_maxlength",
    "METRICS_LOG": "logging.markers",
    "CONFIG_whisk_spi_LoadBalancerProvider": "controller.load_balancer",
    "CONFIG_whisk_activation_payload_max": "limits.payload_max",
    "CONFIG_whisk_activation_payload_truncation": "limits.payload_truncation",
    "CONFIG_whisk_activation_storeBlockingResultLevel": "controller.store_blocking_results",
    "CONFIG_whisk_activation_storeNonBlockingResultLevel": "controller.store_non_blocking_results",
    "CONFIG_whisk_blacklist_pollInterval": "invoker.blacklist_interval",
    "CONFIG_whisk_concurrencyLimit_max": "limits.concurrency_max",
    "CONFIG_whisk_concurrencyLimit_min": "limits.concurrency_min",
    "CONFIG_whisk_concurrencyLimit_std": "limits.concurrency_default",
    "CONFIG_whisk_containerFactory_containerArgs_dnsOptions": "docker.dns_options",
    "CONFIG_whisk_containerFactory_containerArgs_dnsSearch": "docker.dns_search",
    "CONFIG_whisk_containerFactory_containerArgs_dnsServers": "docker.dns_servers",
    "CONFIG_whisk_containerFactory_containerArgs_extraEnvVars": "containers.extra_env",
    "CONFIG_whisk_containerFactory_containerArgs_network": "docker.network",
    "CONFIG_whisk_containerFactory_runtimesRegistry_url": "docker.runtimes_registry",
    "CONFIG_whisk_containerFactory_userImagesRegistry_url": "docker.user_images_registry",
    "CONFIG_whisk_containerPool_concurrentPeekFactor": "invoker.peek_factor",
    "CONFIG_whisk_containerPool_prewarmExpirationCheckInterval": "containers.prewarm_check_interval",
    "CONFIG_whisk_containerPool_prewarmExpirationLimit": "containers.prewarm_expiration_limit",
    "CONFIG_whisk_containerPool_userCpus": "containers.user_cpus",
    "CONFIG_whisk_containerPool_userMemory": "containers.user_memory",
    "CONFIG_whisk_containerProxy_actionHealthCheck_checkPeriod": "containers.health_check_period",
    "CONFIG_whisk_containerProxy_actionHealthCheck_enabled": "containers.health_check",
    "CONFIG_whisk_containerProxy_actionHealthCheck_maxFails": "containers.health_check_max_fails",
    "CONFIG_whisk_containerProxy_logActivationErrors_applicationErrors": "invoker.log_application_errors",
    "CONFIG_whisk_containerProxy_logActivationErrors_developerErrors": "invoker.log_developer_errors",
    "CONFIG_whisk_containerProxy_logActivationErrors_whiskErrors": "invoker.log_system_errors",
    "CONFIG_whisk_containerProxy_timeouts_idleContainer": "containers.idle_container",
    "CONFIG_whisk_containerProxy_timeouts_pauseGrace": "containers.pause_grace",
    "CONFIG_whisk_controller_activation_maxWaitForBlockingActivation": "controller.blocking_wait",
    "CONFIG_whisk_controller_interface": "node.host",
    "CONFIG_whisk_couchdb_databases_WhiskActivation": "couchdb.activations_database",
    "CONFIG_whisk_couchdb_databases_WhiskAuth": "couchdb.subjects_database",
    "CONFIG_whisk_couchdb_databases_WhiskEntity": "couchdb.entities_database",
    "CONFIG_whisk_couchdb_host": "couchdb.url",
    "CONFIG_whisk_couchdb_password": "couchdb.password",
    "CONFIG_whisk_couchdb_port": "couchdb.url",
    "CONFIG_whisk_couchdb_protocol": "couchdb.url",
    "CONFIG_whisk_couchdb_username": "couchdb.username",
    "CONFIG_whisk_docker_client_parallelRuns": "containers.parallel_starts",
    "CONFIG_whisk_docker_client_timeouts_pull": "docker.pull_timeout",
    "CONFIG_whisk_docker_client_timeouts_run": "docker.command_timeout",
    "CONFIG_whisk_execSizeLimit": "limits.code_max",
    "CONFIG_whisk_invoker_password": "invoker.password",
    "CONFIG_whisk_invoker_username": "invoker.username",
    "CONFIG_whisk_kafka_consumerLagCheckInterval": "kafka.lag_interval",
    "CONFIG_whisk_kafka_replicationFactor": "kafka.replication_factor",
    "CONFIG_whisk_kafka_topics_prefix": "kafka.topics_prefix",
    "CONFIG_whisk_kafka_topics_userEvent_prefix": "kafka.user_events_prefix",
    "CONFIG_whisk_loadbalancer_blackboxFraction": "controller.blackbox_fraction",
    "CONFIG_whisk_loadbalancer_managedFraction": "controller.managed_fraction",
    "CONFIG_whisk_loadbalancer_timeoutAddon": "controller.timeout_addon",
    "CONFIG_whisk_loadbalancer_timeoutFactor": "controller.timeout_factor",
    "CONFIG_whisk_logLimit_max": "limits.logs_max",
    "CONFIG_whisk_logLimit_min": "limits.logs_min",
    "CONFIG_whisk_logLimit_std": "limits.logs_default",
    "CONFIG_whisk_memory_max": "limits.memory_max",
    "CONFIG_whisk_memory_min": "limits.memory_min",
    "CONFIG_whisk_memory_std": "limits.memory_default",
    "CONFIG_whisk_metrics_logsEnabled": "logging.markers",
    "CONFIG_whisk_metrics_prometheusEnabled": "metrics.enabled",
    "CONFIG_whisk_parameterSizeLimit": "limits.parameters_max",
    "CONFIG_whisk_parameterStorage_aes128": "parameter_storage.aes_128",
    "CONFIG_whisk_parameterStorage_aes256": "parameter_storage.aes_256",
    "CONFIG_whisk_parameterStorage_current": "parameter_storage.current",
    "CONFIG_whisk_queryLimit_defaultListLimit": "controller.default_list_limit",
    "CONFIG_whisk_queryLimit_maxListLimit": "controller.max_list_limit",
    "CONFIG_whisk_runtimes_localImagePrefix": "docker.local_image_prefix",
    "CONFIG_whisk_timeLimit_max": "limits.time_max",
    "CONFIG_whisk_timeLimit_min": "limits.time_min",
    "CONFIG_whisk_timeLimit_std": "limits.time_default",
    "CONFIG_whisk_transactions_header": "controller.transaction_header",
    "CONFIG_whisk_userEvents_enabled": "kafka.user_events",
}

#: settings that OpenWhisk has in three parts, protocol, host and port, and what it takes for those that are not set
_ADDRESSES: Mapping[str, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    "couchdb.url": (
        ("CONFIG_whisk_couchdb_protocol", "http"),
        ("CONFIG_whisk_couchdb_host", "127.0.0.1"),
        ("CONFIG_whisk_couchdb_port", "5984"),
    ),
    "invoker.api_host": (
        ("WHISK_API_HOST_PROTO", "https"),
        ("WHISK_API_HOST_NAME", ""),
        ("WHISK_API_HOST_PORT", "443"),
    ),
}
#: they say what is so here in any case
_AS_HERE = {
    "CONFIG_whisk_couchdb_provider": ("CouchDB", "Cloudant"),
    "CONFIG_whisk_metrics_kamonEnabled": ("true",),
    "CONFIG_whisk_metrics_kamonTagsEnabled": ("true",),
    "CONFIG_whisk_spi_ArtifactStoreProvider": ("org.apache.openwhisk.core.database.CouchDbStoreProvider",),
    "CONFIG_whisk_spi_MessagingProvider": (
        "org.apache.openwhisk.connector.kafka.KafkaMessagingProvider",
        "org.apache.openwhisk.connector.lean.LeanMessagingProvider",
    ),
}

BALANCER = "CONFIG_whisk_spi_LoadBalancerProvider"
_BALANCERS = {
    "org.apache.openwhisk.core.loadBalancer.ShardingContainerPoolBalancer": "sharding",
    "org.apache.openwhisk.core.loadBalancer.LeanBalancer": "lean",
}
_RESULT_LEVELS = {
    "STORE_ALWAYS": "all",
    "STORE_FAILURES": "failures",
    "STORE_FAILURES_NOT_APPLICATION_ERRORS": "system-failures",
}


def translated(environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    """Setting -> (variable, value) for every name of OpenWhisk that is set and known here. BadSetting."""
    found: dict[str, tuple[str, Any]] = {}
    for name, key in NAMES.items():
        value = environ.get(name)
        if value is not None and key not in _ADDRESSES:
            found[key] = (name, _balancer(value) if name == BALANCER else _RESULT_LEVELS.get(value, value))
    for key, parts in _ADDRESSES.items():
        address = _address(parts, environ)
        if address is not None:
            found[key] = address
    return found


def _balancer(provider: str) -> str:
    if provider not in _BALANCERS:
        raise BadSetting("environment", BALANCER, provider, " or ".join(_BALANCERS))
    return _BALANCERS[provider]


def _address(parts: tuple[tuple[str, str], ...], environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The variables and the URL, None if no part is set, or none that says which host."""
    given = [name for name, _ in parts if environ.get(name)]
    protocol, host, port = (environ.get(name) or usual for name, usual in parts)
    return (", ".join(given), f"{protocol}://{host}:{port}") if given and host else None


def unknown(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of OpenWhisk's configuration that have no meaning here; they are named, not refused."""
    named = (name for name in environ if name.startswith("CONFIG_whisk_") and name not in NAMES)
    return tuple(sorted(name for name in named if environ[name] not in _AS_HERE.get(name, ())))
