"""Which claimed activation goes where, and who claims."""

from owactors.core.invoker.leftovers import Leftover, leftover
from owactors.core.loadbalancer.handover import (
    Drop,
    GiveBack,
    SendElsewhere,
    SendForAnother,
    Waited,
    claims,
    handed_over,
)


def test_each_goes_where_somebody_still_waits_for_it() -> None:
    waited = [Waited("mine", "0"), Waited("over", "0"), Waited("theirs", "1"), Waited("foreign", "scala")]
    assert handed_over("0", {"0", "1"}, {"mine", "begun"}, waited) == [
        SendElsewhere("mine"),
        Drop("over"),
        GiveBack("theirs", "1"),
        SendForAnother("foreign"),
    ]


def test_of_a_topic_that_all_write_to_the_first_controller_claims() -> None:
    assert claims("0", {"0", "1"}, shared_topic=True)
    assert not claims("1", {"0", "1"}, shared_topic=True)
    assert claims("1", set(), shared_topic=True)
    assert claims("1", {"0", "1"}, shared_topic=False)


def test_what_had_begun_is_never_run_again() -> None:
    assert leftover(claimed=True, begun=True) is Leftover.END
    assert leftover(claimed=False, begun=True) is Leftover.END
    assert leftover(claimed=True, begun=False) is Leftover.RUN
    assert leftover(claimed=False, begun=False) is Leftover.WAIT
