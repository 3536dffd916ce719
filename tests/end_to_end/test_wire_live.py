"""A script in the place of OpenWhisk's controller, then of its invoker, on a real Kafka: what was recorded is played.

The script knows nothing of this project's messages: it writes the recorded ones and looks at what comes back.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from attrs import frozen

from owactors.connector.kafka.provider import KafkaMessaging
from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.port import Consumer, Producer
from owactors.connector.topics import MAX_MESSAGE_BYTES, Topics
from owactors.entity.instance import ControllerInstanceId
from tests.end_to_end.clusters import Cluster, LiveController, LiveInvoker
from tests.end_to_end.test_cluster import placed
from tests.end_to_end.wirewatch import Watch, id_of, recorded_left
from tests.message.defects import defects
from tests.message.recordings import recorded
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

ECHO = "def main(args):\n    return args if isinstance(args, list) else {'got': args}"
PATIENCE = 90.0
OPTIONS = ("--set", "kafka.user_events=true", "--set", "containers.annotations=false")
SCRIPTED = 1


@frozen(eq=False)
class Wire:
    """A controller, an invoker, and the topics between them."""

    controller: LiveController
    invoker: LiveInvoker
    kafka: str
    topics: Topics

    def play(self, story: Callable[[Script], Any]) -> Any:
        async def whole() -> Any:
            async with self.script() as script, asyncio.timeout(PATIENCE):
                return await story(script)

        return asyncio.run(whole())

    @asynccontextmanager
    async def script(self) -> AsyncIterator[Script]:
        messaging = KafkaMessaging(KafkaSettings((self.kafka,)))
        try:
            yield Script(messaging, messaging.producer(MAX_MESSAGE_BYTES), self.topics)
        finally:
            await messaging.close()


@frozen(eq=False)
class Script:
    """Writes and reads topics by hand."""

    messaging: KafkaMessaging
    producer: Producer
    topics: Topics

    async def reader(self, topic: Any) -> Consumer:
        await self.messaging.ensure_topic(topic.name, topic.config)
        return self.messaging.consumer(topic.name, f"script-{uuid.uuid4().hex}", 128, None)

    async def say(self, topic: str, value: Any) -> None:
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        await self.producer.send(topic, payload)


@pytest.fixture(scope="module")
def wire(kafka_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with CouchServer.running(tmp_path_factory.mktemp("couchdb")) as couch, couch.databases() as couchdb:
        cluster = Cluster(kafka_address, couchdb, tmp_path_factory.mktemp("key"), *OPTIONS)
        controller, invoker = cluster.controller("0"), cluster.invoker(0)
        prefix = next(option for option in cluster.options if option.startswith("kafka.topics_prefix=")).partition("=")[
            2
        ]
        try:
            cluster.start()
            controller.wait_for(40, invoker0="up")
            yield Wire(controller, invoker, kafka_address, Topics(prefix, ""))
        finally:
            cluster.close()


async def acknowledged(consumer: Consumer, wanted: set[str]) -> dict[str, list[dict[str, Any]]]:
    """By activation id, what was said of each until each had its last word."""
    found: dict[str, list[dict[str, Any]]] = {}
    last: set[str] = set()
    while not wanted <= last:
        for record in await consumer.peek(timeout=1.0):
            ack = json.loads(record.payload)
            assert list(ack) == sorted(ack)
            found.setdefault(id_of(ack), []).append(ack)
            if "instance" in ack:
                last.add(id_of(ack))
    return found


def test_a_controller_of_openwhisk_is_answered_whatever_it_sends(wire: Wire) -> None:
    """What was injected into OpenWhisk's invoker, and more; it dropped six of those."""
    for name in ("helloNode", "arr"):
        wire.controller.deploy(name, ECHO)
    wire.controller.api("PUT", "/packages/utils", {})
    wire.controller.api("PUT", "/actions/seq1", {"exec": {"kind": "sequence", "components": ["/_/arr"]}})
    injected = [(m.call, m.value) for m in recorded("injected") if m.topic == "invoker"]
    good = {**injected[0][1], "content": {"n": 1}}
    spoilt = list(defects(good))
    large = {**good, "activationId": uuid.uuid4().hex, "content": {"x": "y" * 1_000_000}}

    async def story(script: Script) -> dict[str, list[dict[str, Any]]]:
        consumer = await script.reader(wire.topics.completed(ControllerInstanceId("9")))
        topic = wire.topics.invoker(0).name
        for _, value in injected:
            await script.say(topic, value)
        for defect in spoilt:
            await script.say(topic, defect.payload)
        await script.say(topic, large)
        wanted = {value["activationId"] for _, value in injected} | {large["activationId"]}
        return await acknowledged(consumer, wanted | {defect.activation_id for defect in spoilt if defect.answered})

    acks = wire.play(story)
    theirs: dict[str, list[dict[str, Any]]] = {}
    for message in recorded("injected"):
        if message.topic == "completed":
            theirs.setdefault(id_of(message.value), []).append(message.value)
    for call, value in injected:
        for expected in theirs.get(value["activationId"], []):
            if expected.get("isSystemError") is not None:
                mine = [ack for ack in acks[value["activationId"]] if "instance" in ack]
                assert [ack["isSystemError"] for ack in mine] == [expected["isSystemError"]], call
                assert [ack["transid"] for ack in mine] == [expected["transid"]], call
    last = acks[large["activationId"]][0]
    assert last["response"]["response"]["statusCode"] == 0
    for defect in spoilt:
        if defect.recorded:
            assert "could not read" in json.dumps(wire.controller.record(defect.activation_id)["response"]), defect.name
    text = wire.invoker.request("GET", "/metrics", auth=None).body.decode()
    [count] = [line for line in text.splitlines() if line.startswith("counter_kafka_unreadable_counter_total")]
    assert float(count.rpartition(" ")[2]) >= len(spoilt)


PRINTS = "def main(args):\n    print('hello')\n    return {'got': args}"
FAILS = "def main(args):\n    print('e')\n    return {'error': {'code': 42, 'statusCode': 418}, 'other': 1}"
#: what is called, and recorded calls that went the same way
SAME_WAY = [
    ("cold", "POST", "actions/hello?blocking=true", "R002"),
    ("warm", "POST", "actions/hello?blocking=true", "R003"),
    ("nobody waits", "POST", "actions/hello", "R004"),
    ("no logs", "POST", "actions/quiet?blocking=true", "R699"),
    ("no logs and nobody waits", "POST", "actions/quiet", "R735"),
    ("an error of the application, nobody waits", "POST", "actions/fails", "R010"),
    ("an error of the application", "POST", "actions/fails?blocking=true", "R728"),
    ("an error of the developer", "POST", "actions/nothing?blocking=true", "R026"),
    ("a sequence", "POST", "actions/both?blocking=true", "R450"),
    ("a trigger", "POST", "triggers/t", "R734"),
]


def test_the_same_calls_leave_messages_of_the_same_form(wire: Wire) -> None:
    """Controller and invoker as they are, on a real broker: fields, their order, types, kinds and order of acks."""
    deploy = wire.controller.deploy
    deploy("hello", PRINTS)
    deploy("quiet", ECHO, logs=0)
    deploy("fails", FAILS)
    deploy("nothing", "def main(args):\n    return None")
    deploy("echo", PRINTS)
    put = [
        ("/actions/both", {"exec": {"kind": "sequence", "components": ["/_/echo", "/_/hello"]}}),
        ("/triggers/t", {}),
        ("/rules/r", {"trigger": "/_/t", "action": "/_/hello"}),
    ]
    for path, body in put:
        assert wire.controller.api("PUT", path, body).status == 200
    wire.controller.invoke("echo")

    async def story(script: Script) -> None:
        topics = wire.topics
        completed = topics.completed(ControllerInstanceId("0"))
        watch = Watch(*[await script.reader(topic) for topic in (topics.invoker(0), completed, topics.events())])
        for what, method, path, call in SAME_WAY:
            theirs = recorded_left(call)
            reply = await asyncio.to_thread(wire.controller.api, method, f"/{path}", {"n": 1})
            root = {name.lower(): value for name, value in reply.headers.items()}["x-request-id"]
            mine = await watch.left_by(root, len(theirs.messages))
            assert mine.forms == theirs.forms, what

    wire.play(story)


def test_an_invoker_of_openwhisk_serves_our_controller(wire: Wire) -> None:
    """Pings, test action, calls: every answer is a recorded one with the ids of the moment."""
    ping = next(message.value for message in recorded("health"))
    instance = {**ping["name"], "instance": SCRIPTED, "uniqueName": "scripted", "displayedName": "scripted"}
    name = next(f"theirs{n}" for n in range(100) if placed(f"theirs{n}") == SCRIPTED)
    wire.controller.deploy(name, ECHO)
    completion = next(m.value for m in recorded("completed") if "response" not in m.value)
    result = next(m.value for m in recorded("completed") if m.value.get("response", {}).get("name") == "hello")
    combined = next(m.value for m in recorded("completed") if "response" in m.value and "instance" in m.value)

    async def story(script: Script) -> list[Any]:
        topic, seen = wire.topics.invoker(SCRIPTED), []
        consumer = await script.reader(topic)
        pings = asyncio.create_task(beat(script))
        loop = asyncio.get_running_loop()
        calls = asyncio.ensure_future(loop.run_in_executor(None, called))
        while not calls.done():
            for record in await consumer.peek(timeout=0.2):
                message = json.loads(record.payload)
                seen.append((message, record.payload))
                await answer(script, message)
        pings.cancel()
        return [await calls, seen]

    async def beat(script: Script) -> None:
        while True:
            await script.say(wire.topics.health().name, {"isEnabled": True, "name": instance})
            await asyncio.sleep(1)

    def called() -> list[Any]:
        wire.controller.wait_until(
            lambda: wire.controller.invokers().get("invoker1/scripted/scripted") == "up", "the scripted invoker", 40
        )
        with ThreadPoolExecutor(3) as pool:
            return list(pool.map(lambda n: wire.controller.invoke(name, {"n": n}), range(3)))

    async def answer(script: Script, message: dict[str, Any]) -> None:
        topic = wire.topics.completed(ControllerInstanceId("0")).name
        own = {"transid": message["transid"], "instance": instance}
        key = message["activationId"]
        now = int(time.time() * 1000)
        record = {
            **result["response"],
            "activationId": key,
            "name": message["action"]["name"],
            "start": now,
            "end": now,
        }
        record["response"] = {"result": {"theirs": message.get("content")}, "size": 5, "statusCode": 0}
        if message["action"]["name"].startswith("invokerHealth"):
            await script.say(topic, {**completion, **own, "activationId": key})
        elif message["content"]["n"] == 0:
            await script.say(topic, {**combined, **own, "response": record})
        elif message["content"]["n"] == 1:
            await script.say(topic, {**completion, **own, "activationId": key})
            await script.say(topic, {"response": record, "transid": message["transid"]})
        else:
            await script.say(topic, {"response": record, "transid": message["transid"]})
            await script.say(topic, {**completion, **own, "activationId": key})

    replies, seen = wire.play(story)
    theirs = next(m.value for m in recorded("invoker") if m.call == "R002")
    for number, reply in enumerate(replies):
        assert (reply.status, reply.json["response"]["result"]) == (200, {"theirs": {"n": number}})
    tested = [message for message, _ in seen if message["action"]["name"].startswith("invokerHealth")]
    sent = [message for message, _ in seen if message["action"]["name"] == name]
    assert tested
    assert len(sent) == 3
    for message in sent:
        assert list(message) == list(theirs)
        assert list(message["user"]) == list(theirs["user"])
    assert not [payload for _, payload in seen if b'": ' in payload]
