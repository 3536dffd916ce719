"""The numbered scenarios of the Docker back end, against an engine that counts what it is asked.

What OpenWhisk does with `docker run` is a creation and a start here.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from attrs import evolve

from owactors.container.docker.engine import Engine, Running
from owactors.container.docker.errors import EngineError
from owactors.container.docker.factory import GIVE_WAY, DockerFactory
from owactors.container.docker.progress import PullProgress
from owactors.container.docker.settings import DockerSettings
from owactors.container.port import BlackboxStartupError, ContainerSpec, WhiskContainerStartupError
from owactors.core.reply import ConnectionFailed, MemoryExhausted, NoResponseReceived
from tests.container.fake_engine import ID, FakeEngine, factory_on, refusal

MANAGED = ContainerSpec("wsk0_1_test", "python:3", image="owactors/action-python:3")
FAILED = refusal(500, "driver failed programming external connectivity")


def of_user(image: str) -> ContainerSpec:
    """A container of a user's own image."""
    return ContainerSpec("wsk0_1_test", "blackbox", image=image, user_provided_image=True)


@pytest.fixture
def port() -> Iterator[int]:
    """Something that listens, for containers to be found ready."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def engine(port: int) -> FakeEngine:
    """An engine whose containers listen there."""
    return FakeEngine(DockerSettings(port=port, start_timeout=5))


Play = Callable[[DockerFactory], Awaitable[Any]]


def play(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, act: Play) -> Any:
    """With a started factory on this engine."""

    async def run() -> Any:
        factory = factory_on(monkeypatch, engine)
        await factory.start()
        return await act(factory)

    return asyncio.run(run())


def fails(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, spec: ContainerSpec, error: type, match: str) -> None:
    """Creating this ends so."""

    async def act(factory: DockerFactory) -> None:
        with pytest.raises(error, match=match):
            await factory.create(spec)

    play(monkeypatch, engine, act)


@pytest.mark.scenario("DK-01")
def test_a_managed_image(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """Created, started and looked at once; neither pulled nor removed."""
    play(monkeypatch, engine, lambda factory: factory.create(MANAGED))
    assert engine.calls == ["create", "start", "inspect"]


@pytest.mark.scenario("DK-02")
@pytest.mark.parametrize("cpus", [None, 0.5])
def test_arguments_of_a_creation(cpus: float | None) -> None:
    """Each setting arrives; without a share of processors none is set."""
    from docker import APIClient

    settings = DockerSettings(network="functions", dns=("1.2.3.4",), dns_search=("a.b",), dns_options=("ndots:1",))
    engine = Engine(settings)
    engine._api = APIClient(base_url="tcp://127.0.0.1:1", version="1.41")
    spec = ContainerSpec("x", "python:3", memory=128 << 20, cpu_shares=512, cpu_limit=cpus, pids_limit=77)
    limits = engine._host_config(spec)
    assert (limits["Memory"], limits["MemorySwap"], limits["CpuShares"], limits["PidsLimit"]) == (
        128 << 20,
        128 << 20,
        512,
        77,
    )
    assert (limits["NetworkMode"], limits["Dns"], limits["DnsSearch"]) == ("functions", ["1.2.3.4"], ["a.b"])
    assert (limits["DnsOptions"], limits["CapDrop"]) == (["ndots:1"], ["ALL"])
    assert [dict(limit) for limit in limits["Ulimits"]] == [
        {"Name": "nofile", "Soft": 1024, "Hard": 1024},
        {"Name": "fsize", "Soft": 512 << 20, "Hard": 512 << 20},
    ]
    assert "StorageOpt" not in limits
    assert limits.get("NanoCpus") == (None if cpus is None else 500_000_000)


@pytest.mark.scenario("DK-03")
def test_a_users_image_is_pulled_first(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """No tag means latest, which may have changed."""
    play(monkeypatch, engine, lambda factory: factory.create(of_user("someone/image")))
    assert engine.calls == ["pull", "create", "start", "inspect"]


@pytest.mark.scenario("DK-04")
@pytest.mark.parametrize("spec", [MANAGED, of_user("someone/image")])
def test_inspection_fails(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, spec: ContainerSpec) -> None:
    """The container is removed."""
    engine.failing["inspect"] = FAILED
    fails(monkeypatch, engine, spec, WhiskContainerStartupError, "could not be started")
    assert engine.count("remove") == 1


@pytest.mark.scenario("DK-05")
def test_the_engine_refuses_a_users_image(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """The platform's failure; what a refused creation may have left is removed by its name."""
    engine.failing["create"] = FAILED
    fails(monkeypatch, engine, of_user("someone/image"), WhiskContainerStartupError, "could not be started")
    assert (engine.count("inspect"), engine.count("remove")) == (0, 1)


@pytest.mark.scenario("DK-06")
def test_a_container_that_does_not_start(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """It is removed."""
    engine.failing["start"] = FAILED
    fails(monkeypatch, engine, MANAGED, WhiskContainerStartupError, "could not be started")
    assert (engine.count("inspect"), engine.count("remove")) == (0, 1)


@pytest.mark.scenario("DK-07")
def test_an_image_without_its_command(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """The user's fault, and the message names the image."""
    text = 'OCI runtime create failed: exec: "/run.sh": stat /run.sh: no such file or directory: unknown'
    engine.failing["start"] = refusal(400, text)
    fails(monkeypatch, engine, of_user("someone/image:1"), BlackboxStartupError, "executable file not found.*image:1")
    assert engine.count("remove") == 1


@pytest.mark.scenario("DK-08")
def test_an_untagged_image_that_cannot_be_pulled(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """Nothing is made."""
    engine.failing["pull"] = refusal(404, "pull access denied")
    fails(monkeypatch, engine, of_user("someone/image"), BlackboxStartupError, "Failed to pull container image")
    assert engine.calls == ["pull"]


@pytest.mark.scenario("DK-09")
def test_a_tagged_image_that_cannot_be_pulled(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """It may be there already; if it does not start either, the pull was the reason."""
    engine.failing["pull"] = refusal(404, "pull access denied")
    play(monkeypatch, engine, lambda factory: factory.create(of_user("someone/image:1")))
    engine.failing["start"] = FAILED
    fails(monkeypatch, engine, of_user("someone/image:1"), BlackboxStartupError, "Failed to pull container image")


@pytest.mark.scenario("DK-10")
def test_pause_resume_and_removal(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """Once each, where the freezer is not ours to write."""

    async def act(factory: DockerFactory) -> None:
        container = await factory.create(MANAGED)
        await container.suspend()
        await container.resume()
        await container.destroy()

    play(monkeypatch, engine, act)
    assert engine.calls[3:] == ["pause", "unpause", "remove"]


@pytest.mark.parametrize(
    ("policy", "image", "there", "calls"),
    [
        ("openwhisk", "someone/image:1", True, ["pull", "create"]),
        ("openwhisk", "whisk/image", True, ["create"]),
        ("missing", "someone/image", True, ["create"]),
        ("missing", "someone/image", False, ["pull", "create"]),
        ("never", "someone/image", False, ["create"]),
        ("always", "someone/image:1", True, ["pull", "create"]),
    ],
)
def test_when_images_are_pulled(
    monkeypatch: pytest.MonkeyPatch, port: int, policy: Any, image: str, there: bool, calls: list[str]
) -> None:
    """As the setting says; what was made on the engine never is."""
    engine = FakeEngine(DockerSettings(port=port, pull=policy))
    engine.failing["has_image"] = there
    play(monkeypatch, engine, lambda factory: factory.create(of_user(image)))
    assert engine.calls[: len(calls)] == calls


@pytest.mark.parametrize(
    ("said", "there", "calls"),
    [
        ("Never", True, ["create"]),
        ("IfNotPresent", True, ["create"]),
        ("ifNotPresent", False, ["pull", "create"]),
        ("Always", True, ["pull", "create"]),
    ],
)
def test_an_action_says_when_its_image_is_pulled(
    monkeypatch: pytest.MonkeyPatch, port: int, said: str, there: bool, calls: list[str]
) -> None:
    """Whatever the setting says."""
    engine = FakeEngine(DockerSettings(port=port, pull="never" if "pull" in calls else "always"))
    engine.failing["has_image"] = there
    spec = evolve(of_user("someone/image:1"), pull_policy=said)
    container = play(monkeypatch, engine, lambda factory: factory.create(spec))
    assert engine.calls[: len(calls)] == calls
    assert ("pull" in container.phases) == ("pull" in calls)


def test_an_image_that_is_not_there_and_may_not_be_pulled(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """The action's developer learns why."""
    engine.failing["create"] = refusal(404, "No such image: someone/image:1")
    spec = evolve(of_user("someone/image:1"), pull_policy="Never")
    fails(monkeypatch, engine, spec, BlackboxStartupError, "'someone/image:1' is not on this host")


def test_a_pull_policy_that_is_none(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """Nothing is made, and the message says what may be written."""
    spec = evolve(of_user("someone/image"), pull_policy="sometimes")
    fails(monkeypatch, engine, spec, BlackboxStartupError, "'sometimes'; it may be 'Always', 'IfNotPresent' or 'Never'")
    assert engine.calls == []


def test_how_far_a_pull_has_come() -> None:
    """Layers and bytes; lines about the whole image change nothing."""
    progress = PullProgress()
    assert (bool(progress), str(progress)) == (False, "no layer so far")
    for line in (
        {"status": "Pulling from someone/image", "id": "latest"},
        {"status": "Pulling fs layer", "progressDetail": {}, "id": "a"},
        {"status": "Already exists", "progressDetail": {}, "id": "b"},
        {"status": "Downloading", "progressDetail": {"current": 3_000_000, "total": 8_000_000}, "id": "a"},
        {"status": "Downloading", "progressDetail": {"current": 1_000_000, "total": 2_000_000}, "id": "c"},
    ):
        progress.take(line)
    assert str(progress) == "1 of 3 layers, 4 of 10 MB downloaded"
    for status in ("Download complete", "Extracting", "Pull complete"):
        progress.take({"status": status, "progressDetail": {}, "id": "a"})
    assert str(progress) == "2 of 3 layers, 9 of 10 MB downloaded"


@pytest.mark.parametrize("policy", ["always", "missing"])
def test_a_pull_that_must_work(monkeypatch: pytest.MonkeyPatch, port: int, policy: Any) -> None:
    """With or without a tag."""
    engine = FakeEngine(DockerSettings(port=port, pull=policy))
    engine.failing["pull"] = refusal(404, "no such image")
    fails(monkeypatch, engine, of_user("someone/image:1"), BlackboxStartupError, "Failed to pull container image")
    assert engine.calls == ["pull"]


@pytest.mark.parametrize(("there", "calls"), [(True, ["create"]), (False, ["pull", "create"])])
def test_packaged_images_can_be_pulled_once(
    monkeypatch: pytest.MonkeyPatch, port: int, there: bool, calls: list[str]
) -> None:
    """If they are missing, and from the registry that is meant for them."""
    settings = DockerSettings(port=port, pull_runtimes=True, runtimes_registry="registry.example:5000/")
    engine = FakeEngine(settings)
    engine.failing["has_image"] = there
    play(monkeypatch, engine, lambda factory: factory.create(MANAGED))
    assert engine.calls[: len(calls)] == calls
    assert engine.specs[0].image == "registry.example:5000/owactors/action-python:3"


def test_what_the_engine_does_not_know_any_more_is_dead(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """A sweep finds it; its next call can be placed elsewhere."""

    async def act(factory: DockerFactory) -> Any:
        container = await factory.create(MANAGED)
        assert await container.ping()
        await factory.sweep()
        return (await container.run({"value": {}}, 5)).outcome

    assert isinstance(play(monkeypatch, engine, act), ConnectionFailed)


@pytest.mark.scenario("DK-22")
@pytest.mark.parametrize("said", ["", "abc", ID[:-1], ID + "0", ID.upper(), f"{ID}\n"])
def test_an_id_is_64_hexadecimal_digits(said: str) -> None:
    """Anything else is no container."""
    engine = _engine_saying(create_container=lambda **_: {"Id": said}, create_host_config=lambda **_: {})
    with pytest.raises(EngineError, match="no container id"):
        asyncio.run(engine.create("name", MANAGED, {}))


@pytest.mark.scenario("DK-23")
def test_listing_asks_for_all_with_a_label() -> None:
    """Also those that do not run; ids and labels come back."""
    asked: list[dict[str, Any]] = []

    def containers(**options: Any) -> list[dict[str, Any]]:
        asked.append(options)
        return [{"Id": "a", "Labels": {"x": "1"}}, {"Id": "b", "Labels": None}]

    engine = _engine_saying(containers=containers)
    assert asyncio.run(engine.labelled("x=1")) == [("a", {"x": "1"}), ("b", {})]
    assert asked == [{"all": True, "filters": {"label": "x=1"}}]


@pytest.mark.parametrize(
    ("said", "can"), [("No such container: no-such-container", True), ("Not Found", False)], ids=["docker", "podman"]
)
def test_whether_limits_can_be_changed(said: str, can: bool) -> None:
    """An engine that knows the question names the container that is not there."""
    engine = Engine(DockerSettings())
    asked: list[str] = []

    async def update(id: str, *limits: Any) -> None:
        asked.append(id)
        raise refusal(404, said)

    engine.update = update  # type: ignore[method-assign]
    assert asyncio.run(engine.can_update()) is can
    assert asked == ["no-such-container"]


@pytest.mark.scenario("DK-24")
def test_a_container_without_an_address(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """It could never be reached."""
    engine.state = Running(True, "", 0, 0, False)
    fails(monkeypatch, engine, MANAGED, WhiskContainerStartupError, "no address in network 'bridge'")
    assert engine.count("remove") == 1


@pytest.mark.scenario("DK-25")
@pytest.mark.parametrize("failure", [None, FAILED])
def test_one_pull_for_all_who_wait(
    monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, failure: Exception | None
) -> None:
    """Whether it works or not; afterwards a new one is made."""
    engine.failing["pull"] = failure

    async def act(factory: DockerFactory) -> None:
        for pulls in (1, 2):
            engine.gate = asyncio.Event()
            both = [asyncio.ensure_future(factory.create(of_user("someone/image"))) for _ in range(2)]
            await asyncio.sleep(0.01)
            engine.gate.set()
            await asyncio.gather(*both, return_exceptions=True)
            assert engine.count("pull") == pulls

    play(monkeypatch, engine, act)


@pytest.mark.scenario("DK-26")
def test_starts_wait_for_each_other(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """No more than allowed at once; a failed one makes room."""
    engine = FakeEngine(DockerSettings(port=port, parallel_starts=1))
    engine.failing["start"] = [FAILED]

    async def act(factory: DockerFactory) -> list[Any]:
        engine.gate = asyncio.Event()
        three = [asyncio.ensure_future(factory.create(MANAGED)) for _ in range(3)]
        while engine.at_once == 0:
            await asyncio.sleep(0.01)
        engine.gate.set()
        return await asyncio.gather(*three, return_exceptions=True)

    results = play(monkeypatch, engine, act)
    assert engine.most_at_once == 1
    assert [isinstance(result, Exception) for result in results] == [True, False, False]


def test_what_is_started_ahead_gives_way(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """To the /init of a call, but not for ever."""
    engine = FakeEngine(DockerSettings(port=port))

    async def act(factory: DockerFactory) -> None:
        one = await factory.create(MANAGED)
        one.initializing = True
        ahead = asyncio.ensure_future(factory.create(evolve(MANAGED, prewarm=True)))
        await factory.create(MANAGED)
        await asyncio.sleep(2 * GIVE_WAY)
        assert engine.count("create") == 2
        one.initializing = False
        await ahead
        one.initializing = True
        await factory.create(evolve(MANAGED, prewarm=True))

    play(monkeypatch, engine, act)


@pytest.mark.scenario("DK-28")
def test_failures_of_the_engine_are_told_apart() -> None:
    """Its own refusals have a status and its words; no answer has none."""
    from docker.errors import APIError
    from requests import Response
    from requests.exceptions import ReadTimeout

    answer = Response()
    answer.status_code = 409

    def refuse(_: str) -> None:
        raise APIError("conflict", answer, "the name is taken")

    def hang(_: str) -> None:
        raise ReadTimeout("read timed out")

    with pytest.raises(EngineError, match="the name is taken") as refused:
        asyncio.run(_engine_saying(start=refuse).start("x"))
    assert refused.value.status == 409
    with pytest.raises(EngineError, match="does not answer: read timed out") as silent:
        asyncio.run(_engine_saying(start=hang).start("x"))
    assert silent.value.status == 0


@pytest.mark.scenario("DK-29")
@pytest.mark.parametrize("killed", [True, False])
def test_whether_memory_was_the_reason(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, killed: bool) -> None:
    """As the engine says when the container has ended; an engine that does not know counts as no."""

    async def act(factory: DockerFactory) -> Any:
        container = await factory.create(MANAGED)
        engine.state = Running(False, "", 0, 137, killed)
        known = await container.autopsy()
        engine.failing["inspect"] = FAILED
        return known, await container.autopsy()

    known, unknown = play(monkeypatch, engine, act)
    assert (known.exhausted, known.allowed, known.ending) == (killed, MANAGED.memory, "signal 9 (KILL)")
    assert not unknown.exhausted


@pytest.mark.scenario("HC-07")
@pytest.mark.parametrize(("killed", "outcome"), [(True, MemoryExhausted), (False, NoResponseReceived)])
def test_a_broken_connection_after_memory_ran_out(
    monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, killed: bool, outcome: type
) -> None:
    """The engine is asked, and the outcome names the memory."""

    async def act(factory: DockerFactory) -> Any:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        container = await factory.create(MANAGED)
        port = server.sockets[0].getsockname()[1]
        container.client.address = type(container.client.address)("127.0.0.1", port)
        engine.state = Running(False, "", 0, 137, killed)
        result = await container.run({"value": {}}, 5)
        server.close()
        return result.outcome

    assert isinstance(play(monkeypatch, engine, act), outcome)


@pytest.mark.scenario("DK-31")
def test_a_leftover_that_will_not_go_keeps_no_other(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """Both are removed in the end."""
    engine.left = [("a" * 64, {}), ("b" * 64, {})]
    engine.failing["remove"] = [FAILED]

    async def act(factory: DockerFactory) -> None:
        assert engine.left == []

    play(monkeypatch, engine, act)
    assert engine.count("remove") == 3


def _engine_saying(**methods: Any) -> Engine:
    """An Engine above an API object with these methods."""
    import docker.errors

    engine = Engine(DockerSettings())
    engine._api = type("Api", (), {name: staticmethod(method) for name, method in methods.items()})()
    engine._errors = docker.errors
    return engine
