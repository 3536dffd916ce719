"""The invoker of a node: starts the container back end before it takes work, sweeps, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from thespian.actors import ActorAddress

from owactors.actor.factories import FACTORIES
from owactors.actor.invoker import Invoker, InvokerSetup
from owactors.actor.io import on
from owactors.actor.metricsreporter import MetricsReporter, ReportMetrics
from owactors.message.node import InvokerReady, RoleFailed, RoleStopped, StopRole
from owactors.message.pool import Drain, Drained
from owactors.observe.metrics import METRICS

SWEEP = "sweep"


@frozen(eq=False)
class _BackEndStarted:
    """To self."""

    factory: Any


@frozen
class _BackEndFailed:
    """To self."""

    reason: str


@frozen
class _SweepNow:
    """To self: see whether dead nodes or lost containers left something."""


@frozen
class _TimeIsUp:
    """To self: what still runs is given up."""


@frozen
class _Closed:
    """To self: every container is gone."""


class LocalInvoker(Invoker):
    """First message: InvokerSetup with `factory_settings`. InvokerReady or RoleFailed comes back."""

    def __init__(self) -> None:
        super().__init__()
        self._stopper: ActorAddress | None = None
        self._closing = False

    @on(InvokerSetup)
    def _set_up(self, message: InvokerSetup, sender: ActorAddress) -> None:
        self._supervisor, self._wanted = sender, message
        self.spawn(
            FACTORIES.get(message.factory_settings),
            done=_BackEndStarted,
            failed=lambda cause: _BackEndFailed(str(cause) or repr(cause)),
        )

    @on(_BackEndStarted)
    def back_end_started(self, message: _BackEndStarted, sender: ActorAddress) -> None:
        report = FACTORIES.reports[self._wanted.factory_settings]
        for name in report.swept:
            self.log.warning("removed what an earlier node left: %s", name)
        if not message.factory.resizes:
            pool = evolve(self._wanted.pool, resize_prewarmed=False)
            self._wanted = evolve(self._wanted, pool=pool)
        super()._set_up(self._wanted, self._supervisor)
        self._factory = message.factory
        self.start_timer(SWEEP, self._wanted.sweep_interval, _SweepNow())
        self._report_metrics()
        self._takes_work(tuple(report.lines()))

    def _report_metrics(self) -> None:
        if METRICS.enabled:
            reporter = self.create(MetricsReporter)
            self.tell(reporter, ReportMetrics(self._wanted.store, str(self._wanted.instance)))

    def _takes_work(self, report: tuple[str, ...]) -> None:
        self.tell(self._supervisor, InvokerReady(self._wanted.instance.instance, report))

    @on(_BackEndFailed)
    def back_end_failed(self, message: _BackEndFailed, sender: ActorAddress) -> None:
        self.tell(self._supervisor, RoleFailed(message.reason))
        self.stop()

    @on(_SweepNow)
    def sweep_now(self, message: _SweepNow, sender: ActorAddress) -> None:
        self.start_timer(SWEEP, self._wanted.sweep_interval, message)
        self.spawn(self._sweep(), name=SWEEP)

    async def _sweep(self) -> None:
        for name in await self._factory.sweep():
            self.log.warning("removed a leftover container: %s", name)

    # -- end

    @on(StopRole)
    def stop_role(self, message: StopRole, sender: ActorAddress) -> None:
        self._stopper = sender
        self.start_timer("stop", message.seconds, _TimeIsUp())
        self._drain(Drain(), self.myAddress)

    @on(Drained)
    def drained(self, message: Drained, sender: ActorAddress) -> None:
        """From the pool first, then from itself when all records are kept."""
        if sender == self.myAddress:
            self._close()
        else:
            self._pool_drained(message, sender)

    @on(_TimeIsUp)
    def time_is_up(self, message: _TimeIsUp, sender: ActorAddress) -> None:
        self._close()

    def _close(self) -> None:
        if not self._closing:
            self._closing = True
            self.cancel_timer("stop")
            self.spawn(FACTORIES.close(), done=lambda _: _Closed(), failed=lambda _: _Closed())

    @on(_Closed)
    def closed(self, message: _Closed, sender: ActorAddress) -> None:
        if self._stopper is not None:
            self.tell(self._stopper, RoleStopped(len(self._under_way)))
