"""How roles speak, by what was said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from owactors.cli.root import root
from owactors.node import roles
from owactors.node.settings import Settings, load

NOWHERE = {"XDG_CONFIG_HOME": "/nowhere"}


def transport(settings: Settings) -> str:
    return settings.cluster.transport


def test_roles_speak_with_each_other_unless_brokers_are_named(tmp_path: Path) -> None:
    assert transport(load(environ=NOWHERE)) == "actors"
    assert transport(load(None, {"kafka.hosts": "k:9092"}, NOWHERE)) == "kafka"
    by_name = load(None, None, {**NOWHERE, "KAFKA_HOSTS": "k:9092"})
    assert (transport(by_name), by_name.origins["cluster.transport"]) == ("kafka", "environment KAFKA_HOSTS")
    file = tmp_path / "settings.toml"
    file.write_text('[kafka]\nhosts = ["k:9092"]\n')
    assert transport(load(file, None, NOWHERE)) == "kafka"
    assert transport(load(file, {"cluster.transport": "actors"}, NOWHERE)) == "actors"
    assert transport(load(None, {"cluster.transport": "kafka"}, NOWHERE)) == "kafka"


def test_over_kafka_documents_are_in_a_couchdb_and_else_in_the_first_host() -> None:
    over_kafka = load(None, {"kafka.hosts": "k:9092"}, NOWHERE)
    assert roles.completed(over_kafka, roles.CONTROLLER).store.backend == "couchdb"
    assert roles.completed(over_kafka, roles.CONTROLLER).controller.id == "0"
    alone = roles.completed(load(None, {"node.name": "a"}, NOWHERE), roles.CONTROLLER)
    assert (alone.store.backend, alone.controller.id, alone.cluster.listen) == ("sqlite", "a", "127.0.0.1:3234")
    assert alone.cluster.key_file == alone.node.data_dir / "cluster.key"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("invoker",), "name one with --join HOST:PORT"),
        (("invoker", "--couchdb", "http://127.0.0.1:5984"), "or Kafka's brokers with --kafka HOST:PORT"),
        (("controller", "--kafka", "k:9092", "--join", "h:3234"), "give --kafka, or --join and --bus"),
        (("events",), "name its brokers with --kafka HOST:PORT"),
    ],
)
def test_what_cannot_start_says_what_to_do(words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(root, [*words], env={**NOWHERE, "OWACTORS_CONFIG": "/dev/null"})
    assert done.exit_code == 2
    assert said in done.output.replace("\n", " ")
