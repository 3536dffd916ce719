"""One activation inside a proxy, from acceptance to its end."""

from __future__ import annotations

from enum import Enum
from typing import Any

from attrs import define, field

from owactors.core.logs import LogState
from owactors.core.reply import Interval
from owactors.entity.activation import WhiskActivation
from owactors.message.container import Run


class Phase(Enum):
    """What a job waits for."""

    CREATING = "creating"
    RESUMING = "resuming"
    RESIZING = "resizing"
    INITIALIZING = "initializing"
    RUNNING = "running"
    COLLECTING = "collecting"
    KEEPING = "keeping"


@define(eq=False)
class Job:
    """An accepted Run. `environment` (for /init) and `arguments` (for /run) are set when its first call begins."""

    number: int
    run: Run
    phase: Phase
    #: what its parts took, in ms, as far as it went; the first is `wait`
    phases: dict[str, float] = field(factory=dict)
    environment: dict[str, Any] | None = None
    arguments: Any = None
    #: of /init, if this job performed it
    init: Interval | None = None
    #: who waits for the result was given it, before the logs were read
    answered: bool = False
    #: the record without logs, once the result is known
    record: WhiskActivation | None = None
    #: what it printed and how that was read, while it is written into files
    lines: tuple[str, ...] = ()
    log_state: LogState = "complete"
