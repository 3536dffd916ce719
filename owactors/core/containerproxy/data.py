"""The data of a container, as pool and proxy keep it; defined with the messages that carry it."""

from owactors.message.containerdata import (
    ContainerData,
    ContainerInUse,
    ContainerRef,
    ContainerStarted,
    MemoryData,
    NoData,
    PreWarmedData,
    WarmedData,
    WarmingColdData,
    WarmingData,
)

__all__ = [
    "ContainerData",
    "ContainerInUse",
    "ContainerRef",
    "ContainerStarted",
    "MemoryData",
    "NoData",
    "PreWarmedData",
    "WarmedData",
    "WarmingColdData",
    "WarmingData",
]
