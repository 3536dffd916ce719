"""The states of a container proxy. (OpenWhisk, ContainerProxy.scala.)"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where a container is in its life."""

    UNINITIALIZED = "Uninitialized"
    STARTING = "Starting"
    STARTED = "Started"
    RUNNING = "Running"
    READY = "Ready"
    PAUSING = "Pausing"
    PAUSED = "Paused"
    REMOVING = "Removing"
    GONE = "Gone"

    # by identity: an Enum's own hash costs a call into Python on each look into the table
    __hash__ = object.__hash__
