"""Who knows which hubs, and for how long."""

from owactors.core.loadbalancer.knownhubs import HUB_SECONDS, KnownHubs
from owactors.message.bus import HubPlace

OLD, NEW, OTHER = HubPlace("hub 1", "a"), HubPlace("hub 2", "a"), HubPlace("hub", "b")


def test_what_was_heard_of_last_holds_whoever_tells_it() -> None:
    known = KnownHubs()
    known.heard("0", OLD, 1.0)
    known.told({"0": (NEW, 2.0), "1": (OTHER, 0.5)}, 2.0)
    assert known.there(2.0) == {"0": (OLD, 1.0), "1": (OTHER, 0.5)}
    known.told({"0": (NEW, 0.5)}, 3.0)
    known.told({"0": (OLD, 5.0)}, 3.0)
    assert known.there(3.0)["0"] == (NEW, 0.5)


def test_who_is_silent_is_forgotten_by_all_though_they_go_on_telling_each_other() -> None:
    first, second = KnownHubs(), KnownHubs()
    first.heard("0", OLD, 0.0)
    for now in range(1, 30):
        second.told(first.there(float(now)), float(now))
        first.told(second.there(float(now)), float(now))
        expected = {"0"} if now < HUB_SECONDS else set()
        assert first.there(float(now)).keys() == second.there(float(now)).keys() == expected
