"""Which way activations go to each invoker, and why they do not go over HTTP."""

from __future__ import annotations

from collections import Counter

from attrs import define, field

SENT, UNANNOUNCED, RESTING, LARGE = "sent", "unannounced", "resting", "large"
OVER_HTTP = "calls to %s go over HTTP"
BY_TOPIC = "calls to %s go by the topic and not over HTTP, all of the last %d: %s"


@define(eq=False)
class Ways:
    """`counts` by outcome, since the start: sent; full, refused, unreachable, resting, unannounced, large, unsure.

    Topics whose name is `calls` and a number are those of invokers; "": no topic is.
    """

    calls: str = ""
    counts: Counter[str] = field(factory=Counter)
    #: by topic, since the last look: how many did not go over HTTP for which reason, and under "" how many did
    _lately: dict[str, Counter[str]] = field(factory=dict)
    #: by topic, the reason that the last look found
    _known: dict[str, str] = field(factory=dict)

    def is_of_invoker(self, topic: str) -> bool:
        """Whether activations go there."""
        return bool(self.calls) and topic.startswith(self.calls) and topic[len(self.calls) :].isdigit()

    def went(self, topic: str, outcome: str, why: str = "") -> None:
        """One message for the reader of this topic; `why` it did not go over HTTP, in words."""
        self.counts[outcome] += 1
        self._lately.setdefault(topic, Counter())[why] += 1

    def news(self) -> list[str]:
        """What to tell an operator of the messages since the last look: of each topic where that is otherwise now.

        A topic of which at least one went over HTTP is well: who is full for a moment is no news.
        """
        lately, self._lately = self._lately, {}
        return [line for topic, reasons in lately.items() if (line := self._news_of(topic, reasons))]

    def _news_of(self, topic: str, reasons: Counter[str]) -> str:
        why = "" if reasons[""] else reasons.most_common(1)[0][0]
        before, self._known[topic] = self._known.get(topic), why
        if why == before:
            return ""
        return BY_TOPIC % (topic, reasons.total(), why) if why else OVER_HTTP % topic
