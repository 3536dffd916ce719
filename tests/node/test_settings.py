"""Settings: what holds, in which order, and how a wrong one is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from owactors.entity.manifest import ExecManifest
from owactors.entity.size import ByteSize
from owactors.node.settings import (
    BadSetting,
    Settings,
    SettingsError,
    UnknownSetting,
    UnreadableSettings,
    effective,
    load,
    runtimes_manifest,
)
from owactors.node.settings_sources import default_text
from owactors.node.wiring_stores import couchdb_of
from owactors.runtime.launchers import find_launcher


def loaded(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None, **overrides: object) -> Settings:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    options = {name.replace("__", "."): value for name, value in overrides.items()}
    return load(file, options, environ or {})


def test_the_packaged_defaults_hold_without_any_other_source(tmp_path: Path) -> None:
    settings = load(environ={"XDG_CONFIG_HOME": str(tmp_path)})

    assert settings.node.port == 3233
    assert settings.containers.user_memory == ByteSize.mb(2048)
    assert settings.containers.idle_container == 600
    assert set(settings.origins.values()) == {"default"}


def test_later_sources_win_and_each_value_knows_its_own(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        '[node]\nport = 1\nhost = "h1"\n[limits]\nactions_invokes_perminute = 1\n[store]\nbackend = "memory"',
        {
            "OWACTORS_NODE_PORT": "2",
            "OWACTORS_LIMITS_ACTIONS_INVOKES_PERMINUTE": "2",
            "LIMITS_ACTIONS_INVOKES_PERMINUTE": "3",
        },
        node__port=4,
        node__host=None,
    )

    assert (settings.node.port, settings.origins["node.port"]) == (4, "command line")
    assert (settings.node.host, settings.origins["node.host"]) == ("h1", str(tmp_path / "mine.toml"))
    assert settings.limits.actions_invokes_perminute == 3
    assert settings.origins["limits.actions_invokes_perminute"] == "environment LIMITS_ACTIONS_INVOKES_PERMINUTE"
    assert settings.store.backend == "memory"


def test_the_usual_file_is_read_when_none_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "owactors"
    folder.mkdir()
    (folder / "owactors.toml").write_text("[node]\nport = 7")

    assert load(environ={"XDG_CONFIG_HOME": str(tmp_path)}).node.port == 7


def test_openwhisk_s_own_names_are_understood(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        environ={
            "CONFIG_whisk_containerPool_userMemory": "8192 m",
            "CONFIG_whisk_timeLimit_max": "10 m",
            "CONFIG_whisk_containerProxy_timeouts_pauseGrace": "50 ms",
            "CONFIG_whisk_activation_storeBlockingResultLevel": "STORE_FAILURES",
            "CONFIG_whisk_kafka_consumer_sessionTimeoutMs": "1",
        },
    )

    assert settings.containers.user_memory == ByteSize.mb(8192)
    assert settings.limits.time_max == 600
    assert settings.containers.pause_grace == 0.05
    assert settings.controller.store_blocking_results == "failures"
    assert settings.ignored == ("CONFIG_whisk_kafka_consumer_sessionTimeoutMs",)


def test_a_couchdb_may_be_named_in_openwhisk_s_words(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        environ={
            "CONFIG_whisk_couchdb_protocol": "https",
            "CONFIG_whisk_couchdb_host": "db.example.com",
            "CONFIG_whisk_couchdb_port": "6984",
            "CONFIG_whisk_couchdb_username": "mira",
            "CONFIG_whisk_couchdb_password": "s3cret",
            "CONFIG_whisk_couchdb_provider": "CouchDB",
            "CONFIG_whisk_couchdb_databases_WhiskEntity": "prod_entities",
            "CONFIG_whisk_couchdb_databases_WhiskActivation": "prod_activations",
            "WHISK_API_HOST_NAME": "api.example.com",
        },
    )
    couch = couchdb_of(settings)
    assert (couch.url, couch.username, couch.password) == ("https://db.example.com:6984", "mira", "s3cret")
    assert (couch.entities, couch.subjects) == ("prod_entities", "whisk_local_subjects")
    assert couch.activations == "prod_activations"
    assert settings.invoker.api_host == "https://api.example.com:443"
    origin = "CONFIG_whisk_couchdb_protocol, CONFIG_whisk_couchdb_host, CONFIG_whisk_couchdb_port"
    assert settings.origins["couchdb.url"] == f"environment {origin}"
    assert settings.ignored == ()


def test_the_parts_of_an_address_that_are_not_set_are_those_of_openwhisk(tmp_path: Path) -> None:
    settings = loaded(tmp_path, environ={"CONFIG_whisk_couchdb_host": "db", "WHISK_API_HOST_PORT": "80"})
    assert settings.couchdb.url == "http://db:5984"
    assert settings.invoker.api_host == ""


def test_what_is_otherwise_here_is_named(tmp_path: Path) -> None:
    name = "CONFIG_whisk_spi_ArtifactStoreProvider"
    for provider, ignored in (("CouchDbStoreProvider", ()), ("cosmosdb.CosmosDBArtifactStoreProvider", (name,))):
        environ = {name: f"org.apache.openwhisk.core.database.{provider}"}
        assert loaded(tmp_path, environ=environ).ignored == ignored


def test_the_load_balancer_is_chosen_by_openwhisk_s_name_too_and_another_one_is_refused(tmp_path: Path) -> None:
    name, package = "CONFIG_whisk_spi_LoadBalancerProvider", "org.apache.openwhisk.core.loadBalancer"
    for provider, found in (("ShardingContainerPoolBalancer", "sharding"), ("LeanBalancer", "lean")):
        settings = loaded(tmp_path, environ={name: f"{package}.{provider}"})
        assert (settings.controller.load_balancer, settings.ignored) == (found, ())
    with pytest.raises(BadSetting, match=r"LoadBalancerProvider is .*FPCPoolBalancer', expected .*LeanBalancer"):
        loaded(tmp_path, environ={name: f"{package}.FPCPoolBalancer"})
    assert loaded(tmp_path).controller.load_balancer == "sharding"


def test_the_name_of_a_database_is_one_that_couchdb_takes(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"couchdb\.subjects_database"):
        loaded(tmp_path, environ={"CONFIG_whisk_couchdb_databases_WhiskAuth": "Upper"})


@pytest.mark.parametrize(
    ("text", "environ", "overrides", "expected"),
    [
        ("[node]\nprot = 1", {}, {}, ["mine.toml", "node.prot", "Did you mean node.port?"]),
        ("[nodes]\nport = 1", {}, {}, ["mine.toml", "nodes.port", "Did you mean node.port?"]),
        ("", {"OWACTORS_CONTAINER_USER_MEMORY": "1 GB"}, {}, ["OWACTORS_CONTAINERS_USER_MEMORY"]),
        ("", {}, {"store.bakend": "sqlite"}, ["command line", "store.backend"]),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(
    tmp_path: Path, text: str, environ: dict[str, str], overrides: dict[str, str], expected: list[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)

    with pytest.raises(UnknownSetting) as refused:
        load(file, overrides, environ)

    for part in expected:
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("node.port", "none", "a whole number"),
        ("node.port", 70000, "0 to 65535"),
        ("node.port", True, "a whole number"),
        ("containers.user_memory", "8192", "a size with its unit"),
        ("containers.user_memory", "8 parsecs", "a size with its unit"),
        ("containers.user_memory", "1 MB", "at least limits.memory_min"),
        ("containers.pause_grace", "soon", "a time with its unit"),
        ("containers.backend", "vm", "one of sandbox, docker"),
        ("containers.prewarm", "maybe", "true or false"),
        ("logs.store", "elsewhere", "one of record, file, out-of-band, driver"),
        ("logs.store", "driver", "only Docker containers have a log driver"),
        ("docker.log_options", ["max-size"], "a list of name=value"),
        ("invoker.peek_factor", 1.5, "0.01 to 1"),
        ("limits.memory_default", "1 GB", "from limits.memory_min to limits.memory_max"),
        ("limits.time_max", "1 ms", "at least limits.time_min"),
        ("logging.levels", {"pool": "loud"}, "one of debug, info, warning, error for pool"),
        ("parameter_storage.aes_128", "c2hvcnQ=", "16 bytes in base64"),
        ("parameter_storage.current", "aes-256", "32 bytes in base64"),
    ],
)
def test_a_bad_value_is_refused_with_what_would_be_right(key: str, value: object, expected: str) -> None:
    with pytest.raises(BadSetting) as refused:
        load(overrides={key: value}, environ={"XDG_CONFIG_HOME": "/nonexistent"})

    assert expected in str(refused.value)


def test_a_secret_is_neither_shown_nor_quoted_in_an_error(tmp_path: Path) -> None:
    key = "MDEyMzQ1Njc4OWFiY2RlZg=="
    settings = loaded(tmp_path, f'[parameter_storage]\naes_128 = "{key}"')

    assert key not in repr(settings)
    assert key not in str(effective(settings))
    with pytest.raises(BadSetting) as refused:
        loaded(tmp_path, f'[parameter_storage]\naes_256 = "{key}"')
    assert key not in str(refused.value)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSettings, match="cannot be read: No such file"):
        load(tmp_path / "missing.toml", environ={})


@pytest.mark.parametrize("text", ["[node", "port = 1"])
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"mine\.toml"):
        loaded(tmp_path, text)


def test_what_is_shown_can_be_read_back(tmp_path: Path) -> None:
    first = loaded(tmp_path, '[containers]\nextra_env = ["A=1"]\npause_grace = "1500 ms"')
    again = load(
        overrides={line.key: line.value for line in effective(first) if line.value != "***"},
        environ={"OWACTORS_CONFIG": "/dev/null"},
    )

    assert again == first


def test_every_default_has_its_sentence() -> None:
    previous = ""
    for line in default_text("owactors.toml").splitlines():
        if " = " in line and not line.startswith("#"):
            assert previous.startswith("# "), line
            assert previous.endswith("."), line
        previous = line


def test_the_manifest_may_be_a_file_or_the_text_itself(tmp_path: Path) -> None:
    file = tmp_path / "runtimes.json"
    file.write_text('{"runtimes": {}}')

    assert runtimes_manifest(loaded(tmp_path, node__runtimes=str(file))) == '{"runtimes": {}}'
    assert runtimes_manifest(loaded(tmp_path, environ={"RUNTIMES_MANIFEST": '{"a": 1}'})) == '{"a": 1}'
    with pytest.raises(BadSetting, match="manifest file that can be read"):
        runtimes_manifest(loaded(tmp_path, node__runtimes=str(tmp_path / "gone.json")))


def test_the_packaged_manifest_can_be_read() -> None:
    manifest = ExecManifest.from_json(json.loads(runtimes_manifest(load(environ={"OWACTORS_CONFIG": "/dev/null"}))))

    assert manifest.defaults["python"] == "python:3"
    assert all(find_launcher(kind) for kind in manifest.runtimes if kind in ("python:3", "native:1"))


def test_the_brokers_have_openwhisk_s_name_and_a_port(tmp_path: Path) -> None:
    environ = {"KAFKA_HOSTS": "one:9092, two:9093", "CONFIG_whisk_kafka_topics_prefix": "dev-"}
    settings = loaded(tmp_path, environ=environ)

    assert settings.kafka.hosts == ("one:9092", "two:9093")
    assert settings.kafka.topics_prefix == "dev-"
    with pytest.raises(BadSetting, match="host:port"):
        load(overrides={"kafka.hosts": "one"}, environ={"OWACTORS_CONFIG": "/dev/null"})
    with pytest.raises(BadSetting, match=r"controller\.id"):
        load(overrides={"controller.id": "a b"}, environ={"OWACTORS_CONFIG": "/dev/null"})
