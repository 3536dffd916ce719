"""What the Docker back end promises beside the contract. Needs an engine."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from owactors.container.docker.container import DockerContainer
from owactors.container.docker.engine import Engine
from owactors.container.docker.factory import LABEL, DockerFactory
from owactors.container.docker.images import ImageCannotBeBuilt, build
from owactors.container.docker.naming import has_registry, is_local, prefix_of, resolved, split_tag
from owactors.container.docker.settings import DockerSettings
from owactors.container.docker.turns import COLD_START, PREWARM, REMOVAL, Turns
from owactors.container.http_container import CHILD_KILLED
from owactors.container.port import (
    BlackboxStartupError,
    ContainerError,
    ContainerFactory,
    ContainerSpec,
    WhiskContainerStartupError,
)
from owactors.container.sandbox.cgroup import OomCounter
from owactors.core.reply import ConnectionFailed, MemoryExhausted, NoResponseReceived, RunTimeout
from tests.container.backends import (
    ECHO,
    HELLO,
    PATIENCE,
    Backend,
    body_of,
    docker,
    init_body,
    run_body,
    scenario,
    started,
    texts,
)
from tests.container.fake_engine import FakeEngine, factory_on


@pytest.fixture
def backend(engine: str) -> Backend:
    """Only this one."""
    return docker(engine)


async def ids_of(factory: DockerFactory) -> set[str]:
    """What the engine has of this node."""
    engine = Engine(factory.settings)
    await engine.connect()
    try:
        return {id for id, _ in await engine.labelled(f"{LABEL}={factory.settings.node}")}
    finally:
        engine.close()


def inspected(engine: str, id: str) -> dict[str, Any]:
    """What the engine says about a container."""
    import docker as library

    return library.APIClient(base_url=engine).inspect_container(id)


@pytest.mark.scenario("DK-01")
@pytest.mark.services
def test_limits_and_labels(backend: Backend, engine: str, folder: Path) -> None:
    """Memory without swap, processes, shares, no capability, labels by which a sweep finds it."""

    async def play(factory: ContainerFactory) -> None:
        spec = backend.spec(memory=128 * 2**20, cpu_shares=512, cpu_limit=0.5, labels={"action": "guest/hello"})
        container = await factory.create(spec)
        seen = inspected(engine, container.id)
        limits = seen["HostConfig"]
        assert limits["Memory"] == limits["MemorySwap"] == 128 * 2**20
        assert (limits["CpuShares"], limits["NanoCpus"], limits["PidsLimit"]) == (512, 500_000_000, 1024)
        assert limits["CapDrop"] == ["ALL"]
        assert limits["SecurityOpt"] == ["no-new-privileges"]
        assert limits["LogConfig"]["Type"] == "none"
        assert seen["Config"]["Labels"]["action"] == "guest/hello"
        assert isinstance(factory, DockerFactory)
        assert seen["Config"]["Labels"][LABEL] == factory.settings.node
        assert seen["Name"].startswith("/wsk0_1_test_")

    scenario(backend, folder, play)


@pytest.mark.services
def test_close_leaves_nothing(backend: Backend, folder: Path) -> None:
    """Paused and busy containers included."""

    async def act() -> None:
        factory = backend.make(folder)
        assert isinstance(factory, DockerFactory)
        await factory.start()
        await started(factory, backend, ECHO)
        paused = await started(factory, backend, ECHO)
        await paused.suspend()
        assert len(await ids_of(factory)) == 2
        await factory.close()
        assert await ids_of(factory) == set()

    asyncio.run(act())


OWNER = """
import asyncio, sys
from pathlib import Path
from tests.container.backends import *
backend = docker(sys.argv[1])
async def act():
    factory = backend.make(Path(sys.argv[2]))
    await factory.start()
    first = await factory.create(backend.spec())
    second = await factory.create(backend.spec())
    await second.suspend()
    print(first.id, second.id, flush=True)
    await asyncio.sleep(600)
asyncio.run(act())
"""


@pytest.mark.services
def test_sweep_after_kill_of_the_node(backend: Backend, engine: str, folder: Path) -> None:
    """kill -9 of the node: the next one removes its containers, and not those of a living one."""
    checkout = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", OWNER, engine, str(folder)]

    async def sweep() -> set[str]:
        factory = backend.make(folder)
        report = await factory.start()
        await factory.close()
        return set(report.swept)

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=checkout) as owner:
        assert owner.stdout is not None
        ids = set(owner.stdout.readline().split())
        assert len(ids) == 2
        assert asyncio.run(sweep()) == set()
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert asyncio.run(sweep()) == ids


@pytest.mark.services
def test_cancelled_create_leaves_nothing(backend: Backend, folder: Path) -> None:
    """The engine cannot be told to forget a call, so what it made is removed; only then it is over."""

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, DockerFactory)
        for delay in (0.0, 0.01, 0.05, 0.1, 0.2):
            task = asyncio.ensure_future(factory.create(backend.spec()))
            await asyncio.sleep(delay)
            task.cancel()
            [outcome] = await asyncio.gather(task, return_exceptions=True)
            if isinstance(outcome, DockerContainer):
                await outcome.destroy()  # it was faster
            else:
                assert isinstance(outcome, asyncio.CancelledError)
            assert await ids_of(factory) == set()
        while factory._making:
            await asyncio.gather(*factory._making, return_exceptions=True)
            await asyncio.sleep(0)
        assert not factory._containers
        assert factory._turns.room == factory.settings.parallel_starts

    scenario(backend, folder, play)


@pytest.mark.services
def test_missing_image(backend: Backend, folder: Path) -> None:
    """A managed image is never pulled; the message says what to do."""

    async def play(factory: ContainerFactory) -> None:
        with pytest.raises(WhiskContainerStartupError, match=r"not on the engine.*scripts/images"):
            await factory.create(backend.spec(image="owactors/no-such-image:1"))

    scenario(backend, folder, play)


@pytest.mark.scenario("DK-08")
@pytest.mark.services
def test_user_image_that_cannot_be_pulled(backend: Backend, folder: Path) -> None:
    """Without a tag the pull has to succeed, and nothing is made."""

    async def play(factory: ContainerFactory) -> None:
        spec = backend.spec(image="127.0.0.1:1/nobody/nothing", user_provided_image=True)
        with pytest.raises(BlackboxStartupError, match="Failed to pull container image"):
            await factory.create(spec)
        assert isinstance(factory, DockerFactory)
        assert await ids_of(factory) == set()

    scenario(backend, folder, play)


@pytest.mark.scenario("DK-09")
@pytest.mark.services
def test_user_image_with_a_tag(backend: Backend, folder: Path) -> None:
    """A failed pull does not matter if it is there; if not, the pull was the reason."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec(user_provided_image=True))
        assert await container.ping()
        with pytest.raises(BlackboxStartupError, match="Failed to pull"):
            await factory.create(backend.spec(image="127.0.0.1:1/nothing:7", user_provided_image=True))

    scenario(backend, folder, play)


@pytest.mark.scenario("DK-06")
@pytest.mark.services
def test_image_that_ends_at_once(engine: str, folder: Path) -> None:
    """The message has the exit code and the last words, and the container is gone."""
    backend = docker(engine, network="none")

    async def play(factory: ContainerFactory) -> None:
        with pytest.raises(WhiskContainerStartupError, match="no address in network 'none'"):
            await factory.create(backend.spec())
        assert isinstance(factory, DockerFactory)
        assert await ids_of(factory) == set()

    scenario(backend, folder, play)


@pytest.mark.scenario("DK-10")
@pytest.mark.services
def test_pause_by_the_engine(backend: Backend, folder: Path) -> None:
    """Where the freezer cannot be written the engine pauses; back to back, many times."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, ECHO)
        assert isinstance(container, DockerContainer)
        container._group = None
        for number in range(5):
            await container.suspend()
            await container.resume()
            reply = body_of(await container.run(run_body({"n": number}), PATIENCE))
            assert json.loads(reply.body) == {"n": number}
        await container.suspend()

    scenario(backend, folder, play)


@pytest.mark.services
def test_container_removed_behind_our_back(backend: Backend, engine: str, folder: Path) -> None:
    """A run ends without an answer, later calls fail, destroying is nothing."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, "import time\ndef main(args):\n    time.sleep(600)\n")
        run = asyncio.ensure_future(container.run(run_body(), PATIENCE))
        await asyncio.sleep(0.1)
        import docker as library

        api = library.APIClient(base_url=engine)
        await asyncio.to_thread(api.remove_container, container.id, force=True)
        assert isinstance((await run).outcome, NoResponseReceived)
        with pytest.raises(ContainerError):
            await container.suspend()
            await container.resume()
        await container.destroy()

    scenario(backend, folder, play)


@pytest.mark.scenario("HC-07")
@pytest.mark.services
def test_out_of_memory_by_the_engine(backend: Backend, folder: Path) -> None:
    """Also where the kernel's counter cannot be read."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec(memory=64 * 2**20))
        assert isinstance(container, DockerContainer)
        container._group = None
        code = "def main(args):\n    kept = [bytearray(b'x' * 2**20) for _ in range(400)]\n    return {}\n"
        await container.initialize(init_body(code), PATIENCE)
        assert isinstance((await container.run(run_body(), PATIENCE)).outcome, MemoryExhausted)

    scenario(backend, folder, play)


@pytest.mark.services
def test_native_image_has_a_shell(backend: Backend, folder: Path) -> None:
    """Scripts run in it as they do in the sandbox."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, 'echo log\necho "{\\"n\\": 1}"', kind="native:1")
        assert body_of(await container.run(run_body(), PATIENCE)).body == b'{"n": 1}'
        assert texts((await container.logs(1000, True)).lines) == ["stdout: log"]

    scenario(backend, folder, play)


def test_no_engine(tmp_path: Path) -> None:
    """One sentence that says what to do."""
    factory = DockerFactory(DockerSettings(f"unix://{tmp_path}/none.sock"))
    with pytest.raises(WhiskContainerStartupError, match=r"no Docker engine answers at .* --container sandbox"):
        asyncio.run(factory.start())


def test_ulimits_that_are_none() -> None:
    """The key and what would be right."""
    with pytest.raises(WhiskContainerStartupError, match=r"docker.ulimits must be a list of name=soft:hard"):
        asyncio.run(DockerFactory(DockerSettings(ulimits=("nofile=many",))).start())


@pytest.mark.parametrize("mapped", [False, True])
def test_what_an_engine_says_of_users_and_what_may_undo_protections(
    monkeypatch: pytest.MonkeyPatch, mapped: bool
) -> None:
    """Both are in the table, also without a start; an engine that is away has nothing to say."""
    fake = FakeEngine(DockerSettings(extra_args=("Privileged=true",)), mapped=mapped)
    factory = factory_on(monkeypatch, fake)
    found = {protection.name: protection for protection in asyncio.run(factory.look())}
    assert found["user"].on is mapped
    assert ("in a user namespace" in found["user"].detail) is mapped
    assert found["extra arguments"].detail.endswith("Privileged=true")
    away = asyncio.run(DockerFactory(DockerSettings("unix:///nowhere")).look())
    assert not next(protection for protection in away if protection.name == "user").on


@pytest.mark.parametrize("text", ["CpusetCpus", "=0", "cpuset=0", "Memory=0", "Two Words=0"])
def test_extra_arguments_that_are_none(text: str) -> None:
    """The key and what is wrong."""
    with pytest.raises(WhiskContainerStartupError, match=r"docker.extra_args: "):
        asyncio.run(DockerFactory(DockerSettings(extra_args=(text,))).start())


def test_not_started() -> None:
    """Nothing is made before the start."""
    with pytest.raises(WhiskContainerStartupError):
        asyncio.run(DockerFactory().create(ContainerSpec("x", "python:3")))


@pytest.mark.parametrize(
    ("image", "parts"),
    [("a/b:1", ("a/b", "1")), ("host:5000/a", ("host:5000/a", None)), ("a", ("a", None)), ("h:1/a:2", ("h:1/a", "2"))],
)
def test_tags(image: str, parts: tuple[str, str | None]) -> None:
    """A port is no tag."""
    assert split_tag(image) == parts


@pytest.mark.parametrize(
    ("image", "registry", "prefix"),
    [
        ("whisk/a:1", False, "whisk"),
        ("a", False, ""),
        ("ghcr.io/x/a", True, "x"),
        ("localhost/a", True, ""),
        ("host:5000/x/y/a:1", True, "x/y"),
    ],
)
def test_parts_of_an_image_name(image: str, registry: bool, prefix: str) -> None:
    """A host has a dot, a port, or is the local one."""
    assert (has_registry(image), prefix_of(image)) == (registry, prefix)
    settings = DockerSettings(user_images_registry="r.example", local_image_prefix="whisk")
    assert is_local(image, settings) == (prefix == "whisk")
    wanted = image if registry else f"r.example/{image}"
    assert resolved(ContainerSpec("x", "blackbox", image, user_provided_image=True), settings) == wanted
    assert resolved(ContainerSpec("x", "python:3", image), settings) == image


@pytest.mark.services
def test_further_protections(engine: str, folder: Path) -> None:
    """Read-only but for two folders of a given size, another user, more limits."""
    backend = docker(
        engine,
        read_only=True,
        tmpfs_size=2**20,
        user="1234:1234",
        ulimits=("nproc=99:100", "nofile=500"),
        extra_args=("OomScoreAdj=700", 'Sysctls={"net.ipv4.ip_default_ttl": "33"}', "CgroupParent="),
    )
    code = """
import os, resource
def main(args):
    def write(path, size=1):
        try:
            with open(path, 'wb') as file:
                file.write(b'x' * size)
            return 'ok'
        except OSError as error:
            return error.strerror
    return {
        'user': [os.getuid(), os.getgid()], 'limits': [resource.getrlimit(resource.RLIMIT_NPROC)[0]],
        'files': resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        'extra': [open('/proc/' + name).read() for name in ('self/oom_score_adj', 'sys/net/ipv4/ip_default_ttl')],
        'wrote': [write('/x'), write('/tmp/x'), write('x'), write('/tmp/y', 4 << 20)],
    }
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, code)
        answer = json.loads(body_of(await container.run(run_body(), PATIENCE)).body)
        assert (answer["user"], answer["limits"], answer["files"]) == ([1234, 1234], [99], 500)
        assert answer["extra"] == ["700\n", "33\n"]
        assert answer["wrote"][1:3] == ["ok", "ok"]
        assert answer["wrote"][0] in ("Read-only file system", "Permission denied")
        assert answer["wrote"][3] == "No space left on device"

    scenario(backend, folder, play)


@pytest.mark.services
def test_a_container_that_dies_while_nobody_looks(backend: Backend, folder: Path) -> None:
    """The engine tells it; the next call finds no connection and can be placed elsewhere."""

    async def play(factory: ContainerFactory) -> None:
        later = "threading.Timer(0.05, lambda: os._exit(7)).start()"
        code = f"import os, threading\ndef main(args):\n    {later}\n    return {{}}\n"
        container = await started(factory, backend, code)
        assert isinstance(container, DockerContainer)
        assert body_of(await container.run(run_body(), PATIENCE)).status == 200
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while container.exit_code is None:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        assert container.exit_code == 7
        assert isinstance((await container.run(run_body(), PATIENCE)).outcome, ConnectionFailed)

    scenario(backend, folder, play)


@pytest.mark.services
def test_a_log_driver_gets_the_output_too(engine: str, folder: Path) -> None:
    """Nothing is missing in our own log for that."""
    backend = docker(engine, log_driver="json-file", log_options=("max-size=1m",))

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, HELLO)
        await container.run(run_body({"name": "Ada"}), PATIENCE)
        assert texts((await container.logs(1000, True)).lines) == ["stdout: hello Ada"]
        assert isinstance(factory, DockerFactory)
        assert b"hello Ada" in factory._engine._api.logs(container.id)

    scenario(backend, folder, play)


@pytest.mark.services
def test_over_its_time_where_groups_cannot_be_used(backend: Backend, folder: Path) -> None:
    """The engine kills it, before anybody asks for its removal."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, "import time\ndef main(args):\n    time.sleep(600)\n")
        assert isinstance(container, DockerContainer)
        container._group = None
        assert (await container.run(run_body(), 0.2)).outcome == RunTimeout(0.2)
        await asyncio.wait_for(container.ended.wait(), PATIENCE)

    scenario(backend, folder, play)


@pytest.mark.services
def test_a_child_is_killed_for_memory_where_groups_cannot_be_read(backend: Backend, folder: Path) -> None:
    """The engine's event is enough for a line in the log."""
    code = """
import os, time
def main(args):
    child = os.fork()
    if child == 0:
        with open('/proc/self/oom_score_adj', 'w') as file:
            file.write('1000')
        kept = [bytearray(b'x' * 2**20) for _ in range(400)]
        os._exit(0)
    os.waitpid(child, 0)
    time.sleep(0.5)
    return {}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec(memory=64 * 2**20))
        assert isinstance(container, DockerContainer)
        container._group, container._oom_kills = None, OomCounter.of(None)
        await container.initialize(init_body(code), PATIENCE)
        assert body_of(await container.run(run_body(), PATIENCE)).status == 200
        assert texts((await container.logs(1000, True)).lines) == [f"stderr: {CHILD_KILLED} It may use 64 MB."]

    scenario(backend, folder, play)


def test_passwords_of_registries(tmp_path: Path) -> None:
    """Those that `docker login` has written go along with a pull, and only to their registry."""
    config = {"auths": {"registry.example": {"auth": base64.b64encode(b"me:secret").decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    asked: list[tuple[str, str]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(b'{"Version": "1", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}')

        def do_POST(self) -> None:
            sent = json.loads(base64.b64decode(self.headers.get("X-Registry-Auth") or "e30=", "-_"))
            asked.append((self.path.partition("fromImage=")[2], sent.get("username", "")))
            self._say(b"{}")

        def _say(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    async def act(port: int) -> None:
        engine = Engine(DockerSettings(f"tcp://127.0.0.1:{port}", registry_config=str(tmp_path / "config.json")))
        await engine.connect()
        await engine.pull("registry.example/x/a:1")
        await engine.pull("other.example/a:1")
        engine.close()

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asyncio.run(act(server.server_address[1]))
        server.shutdown()
    assert [(name.split("%2F")[0], user) for name, user in asked] == [("registry.example", "me"), ("other.example", "")]


def test_turns() -> None:
    """The urgent first, others in order; whoever gives up takes nothing with him."""

    async def act() -> list[str]:
        turns, order = Turns(1), []

        async def one(name: str, priority: int) -> None:
            async with turns.of(priority):
                order.append(name)
                await asyncio.sleep(0)

        async with turns.of(COLD_START):
            waiting = [
                asyncio.ensure_future(one(name, priority))
                for name, priority in [("p1", PREWARM), ("r1", REMOVAL), ("gone", COLD_START), ("c1", COLD_START)]
            ]
            await asyncio.sleep(0)
            waiting[2].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert turns.room == 1
        return order

    assert asyncio.run(act()) == ["c1", "r1", "p1"]


def test_turns_do_not_starve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has waited long enough is next."""
    monkeypatch.setattr("owactors.container.docker.turns.PATIENCE", -1.0)

    async def act() -> list[int]:
        turns, order = Turns(1), []

        async def one(priority: int) -> None:
            async with turns.of(priority):
                order.append(priority)

        async with turns.of(COLD_START):
            waiting = [asyncio.ensure_future(one(priority)) for priority in (PREWARM, COLD_START, REMOVAL)]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        return order

    assert asyncio.run(act()) == [PREWARM, COLD_START, REMOVAL]


def test_images_are_reproducible() -> None:
    """Two builds are the same bytes, so an engine that has the image has nothing to do."""
    assert build("native", ["x:1"]).data == build("native", ["x:1"]).data


def test_unknown_image_family() -> None:
    """The message lists those there are."""
    with pytest.raises(ImageCannotBeBuilt, match="python, nodejs, native"):
        build("cobol", [])
