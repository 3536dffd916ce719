"""Numbers of invokers by their lasting names. (OpenWhisk, InstanceIdAssigner.scala.)"""

from __future__ import annotations

from collections.abc import Mapping


def assigned(known: Mapping[str, int], name: str, overwrite: int | None = None) -> dict[str, int]:
    """All numbers once `name` has one: the one it has, else the next, else `overwrite`, which its owner loses.

    ValueError: `overwrite` would leave a gap.
    """
    if overwrite is not None:
        if overwrite > len(known):
            raise ValueError(f"there are {len(known)} invokers, so {overwrite} cannot be the number of one yet")
        others = {other: number for other, number in known.items() if number != overwrite and other != name}
        return {**others, name: overwrite}
    return dict(known) if name in known else {**known, name: len(known)}
