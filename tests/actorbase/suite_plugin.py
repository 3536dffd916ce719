"""pytest plugin that runs Thespian's own tests on our base.

    python -m pytest -q -p tests.actorbase.suite_plugin -k "multiprocTCPBase and not AdminRouting" \\
        --pyargs thespian.test

The suite names the bases it runs on, so ours takes the place of multiprocTCPBase.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from typing import Any

import thespian.system

from owactors import actorbase

FOLDER = tempfile.mkdtemp(prefix="owactors-suite-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


class ActorSystemBase(actorbase.ActorSystemBase):
    """Systems of one test find each other's key in one folder, and go by the name the suite knows."""

    def __init__(self, system: Any, logDefs: Any = None) -> None:
        system.capabilities.setdefault("Actor Folder", FOLDER)
        system.capabilities["Thespian ActorSystem Name"] = "multiprocTCPBase"
        super().__init__(system, logDefs=False)


module = type(sys)("thespian.system.multiprocTCPBase")
module.ActorSystemBase = ActorSystemBase  # type: ignore[attr-defined]
sys.modules["thespian.system.multiprocTCPBase"] = module
thespian.system.multiprocTCPBase = module
actorbase.allow("thespian.test.", "thespian.runcommand", "thespian.director")
