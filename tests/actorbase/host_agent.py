"""A program that tests/actorbase/hosts.py runs on a host: commands as JSON lines in, answers out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from thespian.actors import ActorAddress, ActorSystem, NoCompatibleSystemForActor

from owactors import actorbase
from tests.actorbase.system_actors import Call, Place, Seen, Special, Subject

SECONDS = 60


class HostAgent:
    """Actors are known by names."""

    def __init__(self) -> None:
        self.system: Any = None
        self.names: dict[str, ActorAddress] = {}

    def start(self, folder: str, more: dict[str, Any]) -> str:
        actorbase.install()
        actorbase.allow("tests.")
        capabilities = {**actorbase.capabilities(folder), "Admin Port": 1900, **more}
        self.system = ActorSystem("owactorsBase", capabilities=capabilities, transientUnique=True)
        return str(self.system)

    def actor(self, name: str) -> None:
        self.names[name] = self.system.createActor(Subject)

    def special(self) -> tuple[bool, float]:
        """Ask for an actor that lives on the member only: whether there is one, and after how many seconds."""
        begun = time.monotonic()
        try:
            self.system.createActor(Special)
        except NoCompatibleSystemForActor:
            return False, time.monotonic() - begun
        return True, time.monotonic() - begun

    def call(self, target: str, what: str, argument: Any, name: str) -> Any:
        given = self.names.get(argument, argument) if isinstance(argument, str) else argument
        if isinstance(argument, list):
            given = tuple(self.names.get(each, each) if isinstance(each, str) else each for each in argument)
        answer = self.system.ask(self.names[target], Call(what, given), SECONDS)
        if isinstance(answer, ActorAddress):
            self.names[name] = answer
            return name
        if isinstance(answer, Place):
            return answer.pid
        return answer.what if isinstance(answer, Seen) else answer

    def shutdown(self) -> None:
        self.system.shutdown()


def main() -> None:
    agent = HostAgent()
    for line in sys.stdin:
        order = json.loads(line)
        work: Callable[..., Any] = getattr(agent, order.pop("do"))
        try:
            answer = {"value": work(**order)}
        except Exception as failure:
            answer = {"failed": f"{type(failure).__name__}: {failure}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
