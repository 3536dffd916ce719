"""A node whose actions run in Docker containers."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from owactors.container.docker.build import load_images
from tests.container.engines import docker_host
from tests.end_to_end.nodes import LIMITS, LiveNode
from tests.end_to_end.starts import meets_a_resized_container

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def docker_node() -> Iterator[LiveNode]:
    for host in docker_host():
        asyncio.run(load_images(host, ["python", "native"]))
        options = ("--container", "docker", "--set", f"docker.host={host}")
        with LiveNode(*options, limits=LIMITS) as node:
            yield node
            assert node.stop() == 0


def test_a_function_runs_in_a_container(docker_node: LiveNode) -> None:
    docker_node.deploy("hello", "import os\ndef main(args):\n    print('hi')\n    return {'pid': os.getpid()}")
    reply = docker_node.invoke("hello")
    assert reply.status == 200, reply.body
    assert reply.json["response"]["success"]
    logs = docker_node.record(reply.json["activationId"])["logs"]
    assert [line.split(" stdout: ")[1] for line in logs] == ["hi"]
    again = docker_node.invoke("hello").json
    assert again["response"]["result"] == reply.json["response"]["result"]


def test_a_blackbox_action_uses_its_own_image(docker_node: LiveNode) -> None:
    body = {
        "exec": {"kind": "blackbox", "image": "owactors/action-python:3", "code": "def main(a):\n    return {'b': 1}"}
    }
    reply = docker_node.api("PUT", "/actions/box?overwrite=true", body)
    assert reply.status == 200, reply.body
    answer = docker_node.invoke("box")
    assert answer.json["response"].get("result") is not None, json.dumps(answer.json)


@pytest.mark.scenario("I21")
def test_an_image_that_cannot_be_had(docker_node: LiveNode) -> None:
    """The record says which; it has the action's limits like any other."""
    image = "127.0.0.1:1/nobody/nothing"
    body = {"exec": {"kind": "blackbox", "image": image}, "limits": {"memory": 128}}
    assert docker_node.api("PUT", "/actions/i21?overwrite=true", body).status == 200
    reply = docker_node.invoke("i21")
    assert (reply.status, reply.json["response"]["status"]) == (502, "action developer error")
    assert reply.json["response"]["result"]["error"].startswith(f"Failed to pull container image '{image}'.")
    noted = {entry["key"]: entry["value"] for entry in reply.json["annotations"]}
    assert noted["limits"]["memory"] == 128


def test_an_image_that_is_not_there_and_may_not_be_pulled(docker_node: LiveNode) -> None:
    """Its action says Never, so the record says where it is not."""
    body = {
        "exec": {"kind": "blackbox", "image": "nobody/nothing:1"},
        "annotations": [{"key": "image-pull-policy", "value": "Never"}],
    }
    assert docker_node.api("PUT", "/actions/never?overwrite=true", body).status == 200
    reply = docker_node.invoke("never")
    assert (reply.status, reply.json["response"]["status"]) == (502, "action developer error")
    assert reply.json["response"]["result"]["error"].startswith("Image 'nobody/nothing:1' is not on this host")


def test_a_prewarmed_container_serves_an_action_of_another_size(docker_node: LiveNode) -> None:
    meets_a_resized_container(docker_node, 128)
