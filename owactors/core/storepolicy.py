"""Which activations leave a record. (OpenWhisk, controller's and invoker's `storeActivation`.)"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from owactors.entity.activation import WhiskActivation
from owactors.entity.identity import Identity

_APPLICATION_ERROR = 1


class StoreLevel(Enum):
    """From which outcome on a record is kept; the values are those of the settings."""

    ALL = "all"
    FAILURES = "failures"
    #: developer and system errors
    SYSTEM_FAILURES = "system-failures"

    def admits(self, status_code: int) -> bool:
        """True if an outcome of this status is kept."""
        if self is StoreLevel.ALL:
            return True
        return status_code > (_APPLICATION_ERROR if self is StoreLevel.SYSTEM_FAILURES else 0)


@frozen
class StorePolicy:
    """The levels for calls that somebody waits for, and for those nobody waits for."""

    blocking: StoreLevel = StoreLevel.ALL
    non_blocking: StoreLevel = StoreLevel.ALL

    def keeps(
        self, activation: WhiskActivation, user: Identity, *, blocking: bool, extra_logging: bool = False
    ) -> bool:
        """True if the record is to be kept: the namespace wants records, and its outcome is admitted.

        Extra logging admits every outcome.
        """
        if user.limits.store_activations is False:
            return False
        level = self.blocking if blocking else self.non_blocking
        return extra_logging or level.admits(activation.response.status_code)
