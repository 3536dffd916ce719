"""What the lean load balancer is refused with, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from owactors.actor.leancontroller import LeanControllerSetup
from owactors.actorbase import PROCESS_PORT
from owactors.node import lean, roles
from owactors.node.folder import Keys
from owactors.node.host import Roles
from owactors.node.settings import Settings, load


def settings(tmp_path: Path, **overrides: str) -> Settings:
    chosen = {key.replace("__", "."): value for key, value in overrides.items()}
    known = {"node.data_dir": str(tmp_path), "controller.load_balancer": "lean", "node.name": "alone"}
    return load(None, {**known, **chosen}, {"XDG_CONFIG_HOME": str(tmp_path)})


def test_it_joins_nobody_and_an_invoker_has_no_place_beside_it(tmp_path: Path) -> None:
    joins = roles.completed(settings(tmp_path, cluster__join="127.0.0.1:9"), roles.CONTROLLER)
    with pytest.raises(ValueError, match="knows no other host"):
        lean.order(joins, Keys(), roles.CONTROLLER)
    with pytest.raises(ValueError, match="start `owactors controller` only"):
        lean.order(settings(tmp_path), Keys(), roles.INVOKER)


@pytest.mark.parametrize("wanted", [roles.CONTROLLER, Roles(controller=True, invoker=True)])
def test_it_has_both_roles_and_listens_where_others_look_for_a_controller(tmp_path: Path, wanted: Roles) -> None:
    found = lean.order(roles.completed(settings(tmp_path), wanted), Keys(), wanted)
    assert isinstance(found.controller, LeanControllerSetup)
    assert (found.controller.instance, found.controller.store.backend) == ("alone", "sqlite")
    assert found.requirements == {PROCESS_PORT: 3234}
    over_kafka = roles.completed(settings(tmp_path, kafka__hosts="k:9092"), wanted)
    found = lean.order(over_kafka, Keys(), wanted)
    assert (found.controller.store.backend, found.requirements) == ("couchdb", {})
