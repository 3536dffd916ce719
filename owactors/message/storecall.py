"""What a controller without documents of its own asks the one that has them: any method of the store's port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from owactors.message.store import StoreAnswer, StoreRequest

_READ = ("get", "ids", "list")
#: what may be asked, by database, and whether asking twice does no more than asking once
METHODS: Mapping[tuple[str, str], bool] = {
    **{(database, name): True for database in ("entities", "subjects", "activations") for name in _READ},
    **{(database, name): False for database in ("entities", "subjects") for name in ("put", "delete")},
    ("entities", "attach"): False,
    ("entities", "attachment"): True,
    ("entities", "count"): True,
    ("subjects", "by_key"): True,
    ("subjects", "by_namespace"): True,
    ("subjects", "blocked_namespaces"): True,
    ("subjects", "limits"): True,
    ("activations", "count"): True,
    ("activations", "usage"): True,
    ("activations", "remove_before"): True,
    ("activations", "remove_oldest"): True,
}


@frozen
class CallStore(StoreRequest):
    """This method of this database. StoreReturned; refused as the method raises."""

    database: str
    method: str
    arguments: tuple[Any, ...] = field(default=(), repr=False)
    options: dict[str, Any] = field(factory=dict, repr=False)


@frozen
class GetUnfinished(StoreRequest):
    """The calls that this controller has accepted and that have no record. StoreReturned, with acceptances."""

    controller: str


@frozen
class StoreReturned(StoreAnswer):
    """What the method returned."""

    value: Any = field(repr=False)
