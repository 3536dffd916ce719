"""Controllers and invokers as processes of their own, with a CouchDB, over a real Kafka, over none, and over HTTP."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from attrs import frozen

from owactors.core.loadbalancer.sharding import ShardingChoice, Wanted
from tests.end_to_end.clusters import UP, Cluster, LiveController, LiveInvoker
from tests.end_to_end.nodes import Reply
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

QUICK = "def main(args):\n    return {'got': args}"
SLOW = "import time\ndef main(args):\n    time.sleep(args.get('s', 0.5))\n    return {'ok': True}"


@frozen(eq=False)
class Hosts:
    cluster: Cluster
    controller: LiveController
    invokers: tuple[LiveInvoker, LiveInvoker]
    pool: ThreadPoolExecutor
    transport: str

    def home(self, name: str) -> LiveInvoker:
        """Where the first activation of the guest's action goes."""
        return self.invokers[placed(name)]

    def named(self, invoker: int) -> str:
        """A name of an action whose home it is."""
        return next(f"at{n}" for n in range(100) if placed(f"at{n}") == invoker)

    def call(self, name: str, seconds: float) -> Future[Reply]:
        """A blocking call that runs so long, beside the test."""
        return self.pool.submit(self.controller.invoke, name, {"s": seconds})


def placed(name: str) -> int:
    choice = ShardingChoice()
    choice.update_invokers([(2048, True), (2048, True)])
    chosen = choice.choose(Wanted("guest", f"guest/{name}", "0.0.1", 256))
    assert chosen is not None
    return chosen.invoker


@pytest.fixture(scope="module")
def couch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CouchServer]:
    with CouchServer.running(tmp_path_factory.mktemp("couchdb")) as server:
        yield server


@pytest.fixture(scope="module", params=["kafka", "actors", "http"])
def started(
    request: pytest.FixtureRequest, couch: CouchServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hosts]:
    kafka = request.getfixturevalue("kafka_address") if request.param == "kafka" else None
    with couch.databases() as couchdb, ThreadPoolExecutor(16) as pool:
        first = ["--http-first"] if request.param == "http" else []
        cluster = Cluster(kafka, couchdb, tmp_path_factory.mktemp("key"), *first, "--set", "node.drain_timeout=20 s")
        controller = cluster.controller("0")
        invokers = (cluster.invoker(0), cluster.invoker(1))
        try:
            cluster.start()
            yield Hosts(cluster, controller, invokers, pool, request.param)
        finally:
            cluster.close()


@pytest.fixture
def hosts(started: Hosts) -> Hosts:
    started.controller.wait_for(40, **UP)
    return started


@pytest.mark.scenario("K04")
def test_calls_are_answered_from_where_their_hash_says(hosts: Hosts) -> None:
    names = [f"quick{number}" for number in range(6)]
    assert {placed(name) for name in names} == {0, 1}
    for name in names:
        hosts.controller.deploy(name, QUICK)
        reply = hosts.controller.invoke(name, {"n": name})
        assert (reply.status, reply.json["response"]["result"]) == (200, {"got": {"n": name}})
        assert hosts.home(name).ran(reply.json["activationId"])


def test_calls_go_over_http_where_they_are_to(hosts: Hosts) -> None:
    """The controller hears within a second or two where an invoker takes them, and shows the number every ten."""
    hosts.controller.deploy("counted", QUICK)
    before = sent_over_http(hosts.controller)

    def called() -> float:
        assert hosts.controller.invoke("counted").status == 200
        return sent_over_http(hosts.controller) - before

    if hosts.transport == "http":
        hosts.controller.wait_until(lambda: called() >= 5, "five calls over HTTP", 40)
        assert f"invoker{placed('counted')} go over HTTP" in hosts.controller.log.read_text(errors="replace")
    else:
        assert called() == 0


def sent_over_http(controller: LiveController) -> float:
    text = controller.request("GET", "/metrics", auth=None).body.decode()
    found = [
        line for line in text.splitlines() if line.startswith('gauge_loadbalancer_httpFirst_counter{outcome="sent"}')
    ]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_figures_of_balancer_and_feeds_are_shown_under_openwhisk_s_names(hosts: Hosts) -> None:
    hosts.controller.deploy("measured", QUICK)
    assert hosts.controller.invoke("measured").status == 200
    shows(
        hosts.controller,
        r'counter_loadbalancer_completionAck_counter_total\{controller_id="0",type="regular"\} [1-9]',
        r'gauge_loadbalancer_activationsInflight_counter\{controller_id="0"\} 0',
        r"gauge_loadbalancer_totalHealthyInvokerManaged_counter 2",
        r"gauge_loadbalancer_totalCapacityManaged_counter 4096",
        r'gauge_kafka_topic_counter\{topic="\w+completed0"\} 0',
        r'gauge_kafka_topic_counter\{topic="\w+health"\} \d',
    )
    shows(hosts.home("measured"), rf'gauge_kafka_topic_counter\{{topic="\w+invoker{placed("measured")}"\}} 0')


def shows(node: LiveController | LiveInvoker, *figures: str) -> None:
    """Until all of these stand at the beginning of lines of /metrics."""

    def shown() -> bool:
        text = node.request("GET", "/metrics", auth=None).body.decode()
        return all(re.search(f"^{figure}", text, re.MULTILINE) for figure in figures)

    node.wait_until(shown, "the figures", 40)


def test_an_accepted_call_leaves_one_record(hosts: Hosts) -> None:
    hosts.controller.deploy("later", QUICK)
    reply = hosts.controller.invoke("later", {}, "blocking=false")
    assert reply.status == 202
    record = hosts.controller.record(reply.json["activationId"])
    assert record["response"]["status"] == "success"


def test_a_sequence_goes_from_invoker_to_invoker(hosts: Hosts) -> None:
    first, second = hosts.named(0), hosts.named(1)
    for name in (first, second):
        hosts.controller.deploy(name, "def main(args):\n    return {'n': args.get('n', 0) + 1}")
    components = [f"/_/{first}", f"/_/{second}"]
    body = {"exec": {"kind": "sequence", "components": components}}
    assert hosts.controller.api("PUT", "/actions/both?overwrite=true", body).status == 200
    assert hosts.controller.invoke("both", {"n": 5}).json["response"]["result"] == {"n": 7}


def test_an_operator_disables_an_invoker(hosts: Hosts) -> None:
    credentials = "invoker.user:invoker.pass"
    invoker = hosts.invokers[0]
    assert invoker.request("POST", "/disable", b"", auth="invoker.user:wrong").status == 401
    assert invoker.request("POST", "/disable", b"", auth=credentials).body == b"invoker0 is now disabled."
    hosts.controller.wait_for(invoker0="down", invoker1="up")
    assert invoker.request("GET", "/isEnabled", auth=credentials).json == {"enabled": False}
    name = hosts.named(0)
    hosts.controller.deploy(name, QUICK)
    reply = hosts.controller.invoke(name)
    assert reply.status == 200
    assert hosts.invokers[1].ran(reply.json["activationId"])
    assert invoker.request("POST", "/enable", b"", auth=credentials).body == b"invoker0 is now enabled."
    hosts.controller.wait_for(**UP)


def test_a_killed_role_answers_at_its_restart_and_takes_work_at_once(hosts: Hosts) -> None:
    name, victim = hosts.named(1), hosts.invokers[1]
    hosts.controller.deploy(name, SLOW)
    assert hosts.controller.invoke(name, {"s": 0}).status == 200
    before = victim.runs()
    calls = [hosts.call(name, 50) for _ in range(3)]
    accepted = hosts.controller.invoke(name, {"s": 50}, "blocking=false").json["activationId"]
    victim.wait_until(lambda: victim.runs() == before + 4, "all four run")
    killed = time.monotonic()
    os.kill(victim.role_process(), signal.SIGKILL)
    for call in calls:
        reply = call.result(60)
        assert (reply.status, reply.json["response"]["status"]) == (500, "whisk internal error")
        assert "may have run" in reply.json["response"]["result"]["error"]
    assert time.monotonic() - killed < 30
    record = hosts.controller.record(accepted)
    assert record["response"]["status"] == "whisk internal error"
    hosts.controller.wait_for(**UP)
    reply = hosts.controller.invoke(name, {"s": 0})
    assert reply.status == 200
    assert victim.ran(reply.json["activationId"])


def test_a_dead_host_is_noticed_and_its_calls_end(hosts: Hosts) -> None:
    name, victim = hosts.named(0), hosts.invokers[0]
    hosts.controller.deploy(name, SLOW)
    assert hosts.controller.invoke(name, {"s": 0}).status == 200
    before = victim.runs()
    calls = [hosts.call(name, 50) for _ in range(2)]
    victim.wait_until(lambda: victim.runs() == before + 2, "both run")
    victim.kill_all()
    for call in calls:
        reply = call.result(60)
        assert (reply.status, reply.json["response"]["status"]) == (500, "whisk internal error")
        assert hosts.controller.record(reply.json["activationId"])["response"]["status"] == "whisk internal error"
    hosts.controller.wait_for(invoker0="down", invoker1="up")
    reply = hosts.controller.invoke(name, {"s": 0})
    assert reply.status == 200
    assert hosts.invokers[1].ran(reply.json["activationId"])
    victim.start()
    hosts.controller.wait_for(**UP)
    again = hosts.controller.invoke(name, {"s": 0})
    assert (again.status, victim.ran(again.json["activationId"])) == (200, True)


def test_a_stopped_invoker_finishes_what_runs_and_gets_nothing_more(hosts: Hosts) -> None:
    name, leaving = hosts.named(1), hosts.invokers[1]
    hosts.controller.deploy(name, SLOW)
    assert hosts.controller.invoke(name, {"s": 0}).status == 200
    before = leaving.runs()
    call = hosts.call(name, 3)
    leaving.wait_until(lambda: leaving.runs() == before + 1, "it runs")
    stopping = hosts.pool.submit(leaving.stop)
    hosts.controller.wait_for(invoker0="up", invoker1="down")
    reply = hosts.controller.invoke(name, {"s": 0})
    assert (reply.status, hosts.invokers[0].ran(reply.json["activationId"])) == (200, True)
    assert call.result(60).status == 200
    assert stopping.result(60) == 0
    assert leaving.processes() == []
    leaving.start()
    hosts.controller.wait_for(**UP)


def test_a_second_controller_shares_the_invokers_and_what_is_known(hosts: Hosts) -> None:
    other = hosts.cluster.controller("1")
    other.start()
    other.wait_for(**UP)
    hosts.controller.wait_until(
        lambda: "2 controllers share the invokers" in hosts.controller.log_text(), "two of them", 30
    )
    hosts.controller.deploy("shared", "def main(args):\n    return {'version': 1}")
    for each in (hosts.controller, other):
        assert each.invoke("shared").json["response"]["result"] == {"version": 1}
    other.deploy("shared", "def main(args):\n    return {'version': 2}")
    hosts.controller.wait_until(
        lambda: hosts.controller.invoke("shared").json["response"]["result"] == {"version": 2}, "the new one is known"
    )
    assert other.stop() == 0
    hosts.controller.wait_until(
        lambda: "1 controllers share the invokers" in hosts.controller.log_text(), "one is alone", 30
    )


def test_a_controller_is_killed_and_what_it_had_accepted_ends_in_a_record(hosts: Hosts) -> None:
    name, controller = hosts.named(0), hosts.controller
    controller.deploy(name, SLOW)
    accepted = [controller.invoke(name, {"s": 2}, "blocking=false").json["activationId"] for _ in range(3)]
    controller.kill_all()
    controller.start()
    for activation_id in accepted:
        assert controller.record(activation_id)["response"]["status"] == "success"
    controller.wait_for(**UP)
    assert controller.invoke(name, {"s": 0}).status == 200
