"""Plays recorded cases against a running server: python -m tests.rest.replay --url URL [--area A,B] [--only GLOB]."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.rest.replay.cases import areas, cases, run_name
from tests.rest.replay.playing import play
from tests.rest.replay.talking import OverHttp

GUEST = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"


async def main() -> int:
    """Exit status 0 when every case went as recorded."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--url", default="http://127.0.0.1:3233")
    options.add_argument("--auth", default=GUEST)
    options.add_argument("--ns", default="guest")
    options.add_argument("--area", default=",".join(areas()))
    options.add_argument("--only", default="*")
    options.add_argument("-q", action="store_true", help="totals only")
    given = options.parse_args()
    transport, run, all_good, all_of = OverHttp(given.url), run_name(), 0, 0
    for area in given.area.split(","):
        good = of = 0
        for case in cases(area, given.only):
            found = await play(case, transport, given.auth, run, given.ns)
            of += 1
            good += not found
            if found and not given.q:
                print(f"FAIL {case['id']}: {case['what']}", *found, sep="\n     ", flush=True)
        print(f"{area:16} {good:4} of {of}", flush=True)
        all_good, all_of = all_good + good, all_of + of
    print(f"{'total':16} {all_good:4} of {all_of}")
    return 0 if all_good == all_of else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
