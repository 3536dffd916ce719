"""Random lives of containers: operations drawn with a seed, many at once, against a model of what must come of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from attrs import define, field

from owactors.container.port import Container, ContainerError, ContainerFactory, WhiskContainerStartupError
from owactors.core.reply import ConnectionFailed, ContainerReply, NoResponseReceived, Outcome, RunResult
from tests.container.backends import PATIENCE, Backend, init_body, run_body, texts
from tests.container.reality import Reality, agree

CODE = """
import time
n = 0
def main(args):
    global n
    n += 1
    print('run', args['n'])
    time.sleep(args.get('s', 0))
    return {'n': args['n']}
"""
SEED = int(os.environ.get("OWACTORS_TEST_SEED", "1"))
TIMES = float(os.environ.get("OWACTORS_TEST_OPERATIONS", "1"))
MOST = 10
"""Containers at a time."""


@define(eq=False)
class Life:
    """One container and the state in which the model has it: fresh, warm, paused, doomed or dead.

    Who is killed while frozen may live on until it is thawed: it is doomed.
    """

    container: Container
    state: str = "fresh"
    runs: int = 0


@define(eq=False)
class Lives:
    """Plays operations on one factory. `seed` makes it the same again, as far as the machine's timing allows.

    `calamity` befalls all containers at once, each time after `peace` batches; it returns True if they end by it.
    """

    backend: Backend
    factory: ContainerFactory
    reality: Reality
    seed: int
    calamity: Callable[[], Awaitable[bool]] | None = None
    peace: int = 20
    lives: list[Life] = field(factory=list)
    done: Counter[str] = field(factory=Counter)
    _batches: int = 0
    _random: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def play(self, operations: int) -> None:
        """Batches of operations that overlap, each followed by a comparison of books and machine."""
        while self.done.total() < operations:
            await self._batch()
            await self._compare()
        for life in list(self.lives):
            await self._destroy(life)
        await self._compare()

    async def _batch(self) -> None:
        fate = self._random
        self._batches += 1
        if self.calamity is not None and self._batches % self.peace == 0:
            self.done["calamity"] += 1
            if await self.calamity():
                for life in self.lives:
                    life.state = "doomed" if life.state == "paused" else "dead"
            await self._compare()
        chosen = fate.sample(self.lives, fate.randint(0, len(self.lives)))
        work = [self._sequence(life, fate.choices(range(1, 7))[0]) for life in chosen]
        work += [self._start() for _ in range(fate.randint(0, MOST - len(self.lives)) // 2)]
        if fate.random() < 0.2:
            work.append(self._cancelled_start(fate.random() * 0.03))
        if fate.random() < 0.1:
            work.append(self._sweep())
        await asyncio.gather(*work)

    async def _compare(self) -> None:
        ids = {life.container.id for life in self.lives}
        dead = {life.container.id for life in self.lives if life.state == "dead"}
        doomed = {life.container.id for life in self.lives if life.state == "doomed"}
        await agree(self.reality, ids, dead, doomed, PATIENCE)

    async def _sequence(self, life: Life, length: int) -> None:
        """Some operations on one container, one after the other; other containers have theirs meanwhile."""
        for _ in range(length):
            if life not in self.lives:
                return
            names, weights = zip(*WEIGHTS[life.state].items(), strict=True)
            (name,) = self._random.choices(names, weights)
            operation: Callable[[Life], Awaitable[None]] = getattr(self, f"_{name}")
            await operation(life)

    async def _start(self) -> None:
        self.done["start"] += 1
        container = await self.factory.create(self.backend.spec())
        self.lives.append(Life(container))

    async def _cancelled_start(self, after: float) -> None:
        self.done["cancelled start"] += 1
        task = asyncio.ensure_future(self.factory.create(self.backend.spec()))
        await asyncio.sleep(after)
        task.cancel()
        (made,) = await asyncio.gather(task, return_exceptions=True)
        if not isinstance(made, BaseException):
            await made.destroy()

    async def _sweep(self) -> None:
        self.done["sweep"] += 1
        assert await self.factory.sweep() == []

    async def _init(self, life: Life) -> None:
        self.done["init"] += 1
        outcome = (await life.container.initialize(init_body(CODE), PATIENCE)).outcome
        assert isinstance(outcome, ContainerReply), outcome
        assert outcome.status == 200, outcome
        life.state = "warm"

    async def _run(self, life: Life) -> None:
        self.done["run"] += 1
        life.runs += 1
        outcome = (await life.container.run(run_body({"n": life.runs}), PATIENCE)).outcome
        assert isinstance(outcome, ContainerReply), outcome
        assert json.loads(outcome.body) == {"n": life.runs}
        logs = await life.container.logs(10_000, True)
        assert (logs.state, texts(logs.lines)) == ("complete", [f"stdout: run {life.runs}"]), logs

    async def _pause(self, life: Life) -> None:
        self.done["pause"] += 1
        try:
            await life.container.suspend()
        except ContainerError:
            # A machine that is busy does not freeze it soon enough; whoever asked then lets it go.
            self.done["refused pause"] += 1
            assert self.done["refused pause"] <= 3 + self.done["pause"] // 5
            await self._destroy(life)
            return
        life.state = "paused"

    async def _resume(self, life: Life) -> None:
        self.done["resume"] += 1
        await life.container.resume()
        life.state = "warm"

    async def _kill(self, life: Life) -> None:
        self.done["kill"] += 1
        await self.reality.kill(life.container)
        if life.state == "paused":
            life.state = "doomed"
            return
        await self._until_silent(life)

    async def _thaw_the_doomed(self, life: Life) -> None:
        self.done["thaw the doomed"] += 1
        with contextlib.suppress(ContainerError):
            await life.container.resume()
            await self._until_silent(life)

    async def _until_silent(self, life: Life) -> None:
        """The kernel needs a moment for a kill, in which a call may still be answered."""
        while await life.container.ping():
            await asyncio.sleep(0.001)
        life.state = "dead"

    async def _call_the_dead(self, life: Life) -> None:
        """It has no answer, whichever way its end is noticed."""
        self.done["call the dead"] += 1
        outcome = (await life.container.run(run_body({"n": 0}), PATIENCE)).outcome
        assert _no_answer(outcome), outcome

    async def _pause_the_dead(self, life: Life) -> None:
        """It may be refused; it does no harm."""
        self.done["pause the dead"] += 1
        with contextlib.suppress(ContainerError):
            await life.container.suspend()
            await life.container.resume()

    async def _destroy(self, life: Life) -> None:
        self.done["destroy"] += 1
        again = self._random.random() < 0.3
        await asyncio.gather(*(life.container.destroy() for _ in range(2 if again else 1)))
        assert not await life.container.ping()
        self.lives.remove(life)

    async def _destroy_in_a_run(self, life: Life) -> None:
        self.done["destroy in a run"] += 1
        run, in_time = self._long_run(life)
        await asyncio.sleep(self._random.random() * 0.01)
        await life.container.destroy()
        in_it = in_time()
        assert _no_answer((await run).outcome) or not in_it
        self.lives.remove(life)

    def _long_run(self, life: Life) -> tuple[asyncio.Future[RunResult], Callable[[], bool]]:
        """A run, and whether it cannot have ended yet: in the node itself it is a short one, for nobody can end it."""
        seconds, begun = 600 if self.backend.real else 0.05, time.monotonic()
        run = asyncio.ensure_future(life.container.run(run_body({"n": 0, "s": seconds}), PATIENCE))
        return run, lambda: time.monotonic() - begun < seconds

    async def _kill_in_a_run(self, life: Life) -> None:
        self.done["kill in a run"] += 1
        run, in_time = self._long_run(life)
        await asyncio.sleep(self._random.random() * 0.01)
        await self.reality.kill(life.container)
        in_it = in_time()
        assert _no_answer((await run).outcome) or not in_it
        life.state = "dead"


WEIGHTS = {
    "fresh": {"init": 8, "kill": 1, "destroy": 1},
    "warm": {"run": 16, "pause": 8, "kill": 1, "destroy": 1, "destroy_in_a_run": 1, "kill_in_a_run": 1},
    "paused": {"resume": 12, "destroy": 1, "kill": 1},
    "doomed": {"thaw_the_doomed": 2, "destroy": 1},
    "dead": {"call_the_dead": 1, "pause_the_dead": 1, "destroy": 4},
}


def _no_answer(outcome: Outcome) -> bool:
    return isinstance(outcome, NoResponseReceived | ConnectionFailed)


async def quiet_start(factory: ContainerFactory, backend: Backend) -> None:
    """One container for warming up, so that what is made once is there."""
    try:
        await (await factory.create(backend.spec())).destroy()
    except WhiskContainerStartupError as error:
        raise AssertionError(f"{backend.name} cannot make a container: {error}") from error
