"""Log lines in OpenWhisk's form: `[time] [LEVEL] [#tid_…] [component] text`. (OpenWhisk, Logging.scala.)

`setup()` once per process; then each component has its `Log` and gives the transaction id first. Plain
`logging` loggers end up in the same lines, with the last part of their name as component and `#tid_sid_unknown`.
Times are UTC, which the original's `Z` only claims.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from owactors.entity.transaction import UNKNOWN, TransactionId
from owactors.observe.output import LineOutput

_LEVEL_NAMES = {logging.DEBUG: "DEBUG", logging.INFO: "INFO", logging.WARNING: "WARN", logging.ERROR: "ERROR"}
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
#: Libraries that say more at `info` than belongs into our log.
_QUIET = ("asyncio", "urllib3", "docker", "uvicorn", "uvicorn.access", "uvicorn.error", "Thespian")
#: says each try of a lost connection in several lines; what it means is said by the connector
_MUTE = ("kafka",)
_ROOT = logging.getLogger()


class Log:
    """The log of one component. Costs one comparison when the level is off.

    `text` is a %-format for `args`, formatted only when the line is written. Empty texts are not logged.
    """

    __slots__ = ("_logger", "component")

    def __init__(self, component: str) -> None:
        self.component = component
        self._logger = logging.getLogger(f"owactors.{component}")

    def debug(self, transid: TransactionId, text: str, *args: object) -> None:
        self.write(logging.DEBUG, transid, text, args)

    def info(self, transid: TransactionId, text: str, *args: object) -> None:
        self.write(logging.INFO, transid, text, args)

    def warn(self, transid: TransactionId, text: str, *args: object) -> None:
        self.write(logging.WARNING, transid, text, args)

    def error(self, transid: TransactionId, text: str, *args: object, cause: BaseException | None = None) -> None:
        """`cause` adds its traceback below the line."""
        self.write(logging.ERROR, transid, text, args, cause)

    def enabled(self, level: int) -> bool:
        """Whether a line of this level would be written."""
        return self._logger.isEnabledFor(level)

    def write(
        self,
        level: int,
        transid: TransactionId,
        text: str,
        args: tuple[object, ...] = (),
        cause: BaseException | None = None,
    ) -> None:
        """One line of `level`. A transaction with extra logging writes its debug lines always."""
        logger = self._logger
        if not text or not (logger.isEnabledFor(level) or transid.extra_logging):
            return
        if cause is None and len(_ROOT.handlers) == 1 and type(output := _ROOT.handlers[0]) is LineOutput:
            output.put(output.form.line(time.time(), level, transid, self.component, _message(text, args)), level)
            return
        trace = (type(cause), cause, cause.__traceback__) if cause else None
        record = logging.LogRecord(logger.name, level, "", 0, text, args, trace)
        record.transid = transid
        logger.handle(record)


def setup(
    *,
    level: str = "info",
    form: str = "text",
    levels: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Everything logged in this process goes to `stream` (stderr), as `form` "text" or "json". May be called again.

    `levels` are those of single components, by their names in the log.
    """
    handler = LineOutput(stream or sys.stderr, JsonForm() if form == "json" else TextForm())
    # What our lines do not show need not be looked up for each of them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = _ROOT
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(_LEVELS[level])
    for library in _QUIET:
        logging.getLogger(library).setLevel(max(logging.WARNING, _LEVELS[level]))
    for library in _MUTE:
        logging.getLogger(library).setLevel(_LEVELS[level] if level == "debug" else logging.CRITICAL)
    for component, own in (levels or {}).items():
        logging.getLogger(f"owactors.{component}").setLevel(_LEVELS[own])


class _Clock:
    """Formats epoch seconds as `2026-07-29T08:00:00.123Z`; the part up to the second is kept."""

    def __init__(self) -> None:
        self._second, self._text = -1, ""

    def format(self, moment: float) -> str:
        second = int(moment)
        if second != self._second:
            self._second, self._text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{int((moment - second) * 1000):03d}Z"


def _message(text: str, args: tuple[object, ...]) -> str:
    """A text that does not fit its arguments is a defect, but none of what is being logged."""
    try:
        return text % args if args else text
    except (TypeError, ValueError):
        return f"{text} {args}"


def _transid(record: logging.LogRecord) -> TransactionId:
    found: TransactionId = getattr(record, "transid", UNKNOWN)
    return found


def _component(record: logging.LogRecord) -> str:
    return record.name.rpartition(".")[2]


class TextForm(logging.Formatter):
    """OpenWhisk's line; a second transaction id is written when there is a parent, the root's first."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = _Clock()

    def line(self, moment: float, level: int, transid: TransactionId, component: str, message: str) -> str:
        """See Form."""
        ids = f"[#tid_{transid.id}]" if transid.parent is None else f"[{transid.root}] [{transid}]"
        shown = _LEVEL_NAMES.get(level) or logging.getLevelName(level)
        return f"[{self._clock.format(moment)}] [{shown}] {ids} [{component}] {message}"

    def format(self, record: logging.LogRecord) -> str:
        """See Form."""
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        message = record.getMessage() + trace
        return self.line(record.created, record.levelno, _transid(record), _component(record), message)


class JsonForm(logging.Formatter):
    """One JSON object per line: time, level, transid, parent, component, message, trace."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = _Clock()

    def line(
        self, moment: float, level: int, transid: TransactionId, component: str, message: str, trace: str = ""
    ) -> str:
        """See Form."""
        line: dict[str, Any] = {
            "time": self._clock.format(moment),
            "level": _LEVEL_NAMES.get(level) or logging.getLevelName(level),
            "transid": transid.id,
            "component": component,
            "message": message,
        }
        if transid.parent is not None:
            line["root"] = transid.root.id
        if trace:
            line["trace"] = trace
        return json.dumps(line, ensure_ascii=False)

    def format(self, record: logging.LogRecord) -> str:
        """See Form."""
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        component, message = _component(record), record.getMessage()
        return self.line(record.created, record.levelno, _transid(record), component, message, trace)
