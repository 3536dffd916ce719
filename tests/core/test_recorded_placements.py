"""Every placement that a running OpenWhisk was seen to make is made here."""

import json
from pathlib import Path
from typing import Any

from owactors.core.loadbalancer.sharding import ShardingChoice, Wanted

PLACEMENTS: Any = json.loads((Path(__file__).parents[1] / "data" / "wire_recordings" / "placements.json").read_text())


def chosen(entry: dict[str, Any], invokers: list[int], controllers: int) -> int | None:
    """Where it goes when the invokers are otherwise idle."""
    choice = ShardingChoice()
    choice.update_cluster(controllers)
    choice.update_invokers([(2048, number not in entry.get("offline", ())) for number in invokers])
    found = choice.choose(
        Wanted(entry["namespace"], entry["action"], "0.0.1", 128, blackbox=entry.get("blackbox", False))
    )
    return found.invoker if found else None


def test_two_invokers_and_ten_with_some_down() -> None:
    compared = 0
    for name in ("two_invokers", "ten_invokers"):
        recorded = PLACEMENTS[name]
        for entry in recorded["placements"]:
            assert chosen(entry, recorded["invokers"], recorded["controllers"]) == entry["invoker"], entry
            compared += 1
    assert compared == 75 + 56


def test_the_sets_for_managed_and_pulled_images() -> None:
    recorded = PLACEMENTS["ten_invokers"]
    choice = ShardingChoice()
    choice.update_invokers([(2048, True)] * 10)
    assert [invoker.instance for invoker in choice.managed] == recorded["managed"]
    assert [invoker.instance for invoker in choice.blackboxes] == recorded["blackbox"]


def test_full_invokers_are_passed_in_order_until_one_is_forced() -> None:
    recorded = PLACEMENTS["overflow"]
    choice = ShardingChoice()
    choice.update_cluster(recorded["controllers"])
    choice.update_invokers([(2048, True)] * 10)
    wanted = Wanted(recorded["namespace"], recorded["action"], "0.0.1", recorded["memory_mb"])
    found = [choice.choose(wanted) for _ in recorded["invokers_in_order"]]
    assert [each.overloaded for each in found if each] == [False] * 18 + [True] * 4
    assert [each.invoker for each in found if each][:18] == recorded["invokers_in_order"][:18]
