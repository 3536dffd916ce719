"""Calls from every host of a cluster while something happens to it, and what became of each of them."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from attrs import define, field, frozen

from tests.end_to_end.clusters import LiveController
from tests.end_to_end.switch import Switch

ACTIONS = tuple(f"telling{number}" for number in range(4))
#: seconds between two calls of a caller
PAUSE = 0.3
#: a call that takes longer than this, in seconds, was in trouble
SLOW = 3.0
ENDED_WITHIN = 90
SUCCESS, NO_RECORD = "success", "no record"


@frozen
class Call:
    """One call: the controller's answer, or none. Times are monotonic seconds."""

    began: float
    ended: float
    blocking: bool
    status: int | None
    activation_id: str | None

    @property
    def troubled(self) -> bool:
        return self.status not in (200, 202) or (self.blocking and self.ended - self.began > SLOW)


@frozen
class Setting:
    """How many hosts there are, and over what they speak."""

    hosts: int
    transport: str

    def __str__(self) -> str:
        return f"{self.hosts} hosts over {self.transport}"


@frozen
class Row:
    """What became of the calls around one event."""

    setting: Setting
    event: str
    calls: int
    refused: int
    acknowledged: int
    succeeded: int
    failed: int
    lost: int
    twice: int
    #: from the event until the last call that was refused, failed, or took longer than SLOW
    troubled_seconds: float
    #: from the healing, or from the event, until every invoker was up
    whole_seconds: float
    #: of the machine in the last minute
    load: float


@define
class Callers:
    """Two callers on every host, one that waits for answers and one that does not, until the context ends."""

    switch: Switch
    controllers: Sequence[LiveController]
    url: str
    calls: list[Call] = field(factory=list)
    #: status and body of what was no JSON
    unreadable: list[tuple[int, bytes]] = field(factory=list)
    _ended: threading.Event = field(factory=threading.Event)
    _threads: list[threading.Thread] = field(factory=list)

    def __enter__(self) -> Callers:
        for host in range(1, len(self.switch.hosts) + 1):
            for blocking in (True, False):
                self._threads.append(threading.Thread(target=self._call_on, args=(host, blocking)))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _call_on(self, host: int, blocking: bool) -> None:
        self.switch.stand_on(host)
        number = host
        while not self._ended.is_set():
            number += 1
            began = time.monotonic()
            status, activation_id = self._call(self.controllers[number % len(self.controllers)], number, blocking)
            self.calls.append(Call(began, time.monotonic(), blocking, status, activation_id))
            self._ended.wait(PAUSE)

    def _call(self, controller: LiveController, number: int, blocking: bool) -> tuple[int | None, str | None]:
        query = f"blocking={str(blocking).lower()}"
        try:
            reply = controller.invoke(ACTIONS[number % len(ACTIONS)], {"url": self.url}, query)
        except OSError:
            return None, None  # the connection could not be made, or broke
        try:
            return reply.status, reply.json.get("activationId")
        except ValueError:
            self.unreadable.append((reply.status, reply.body))
            return reply.status, None

    def answered(self) -> int:
        return sum(call.status == 200 for call in self.calls)


def row(
    event: str,
    setting: Setting,
    callers: Callers,
    controller: LiveController,
    runs: Counter[str],
    at: float,
    whole: float,
) -> Row:
    """Looks every acknowledged call up. `at` when it happened (monotonic), `whole` seconds until all was up again."""
    acknowledged = [call.activation_id for call in callers.calls if call.activation_id is not None]
    ends = Counter(_ends(controller, acknowledged))
    print(f"{event}, {setting}: {dict(ends)}")
    troubled = [call.ended - at for call in callers.calls if call.troubled and call.ended > at]
    return Row(
        setting=setting,
        event=event,
        calls=len(callers.calls),
        refused=len(callers.calls) - len(acknowledged),
        acknowledged=len(acknowledged),
        succeeded=ends[SUCCESS],
        failed=len(acknowledged) - ends[SUCCESS] - ends[NO_RECORD],
        lost=ends[NO_RECORD],
        twice=sum(runs[activation_id] > 1 for activation_id in acknowledged),
        troubled_seconds=max(troubled, default=0.0),
        whole_seconds=whole,
        load=os.getloadavg()[0],
    )


def _ends(controller: LiveController, activation_ids: Sequence[str]) -> list[str]:
    """How each of them ended: well, without a record, or with which error."""
    deadline = time.monotonic() + ENDED_WITHIN

    def end(activation_id: str) -> str:
        while True:
            reply = controller.api("GET", f"/activations/{activation_id}")
            if reply.status == 200:
                response = reply.json["response"]
                return SUCCESS if response["success"] else str(response["result"])
            if time.monotonic() > deadline:
                return NO_RECORD
            time.sleep(0.2)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(end, activation_ids))
