"""Word statistics of a text: how long, how varied, which words and pairs are the most frequent.

Parameters: `text`; `top`, the length of the lists (10). Plain Python, no packages.
"""

import re
from collections import Counter
from itertools import pairwise

STOP_WORDS = frozenset(
    """a an and are as at be but by for from had has have he her his i in is it its not of on or she so that the their
    them then there they this to was were what when which who will with would you""".split()  # noqa: SIM905
)


def main(args):
    text = args.get("text")
    if not isinstance(text, str) or not text.strip():
        return {"error": "parameter `text` is missing: give the text to look at"}
    top = int(args.get("top", 10))
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text.lower())
    sentences = [part for part in re.split(r"[.!?]+(?:\s|$)", text) if part.strip()]
    telling = [word for word in words if word not in STOP_WORDS]
    print(f"read {len(text)} characters, {len(words)} words")
    return {
        "characters": len(text),
        "words": len(words),
        "distinct_words": len(set(words)),
        "sentences": len(sentences),
        "words_per_sentence": round(len(words) / max(1, len(sentences)), 1),
        "average_word_length": round(sum(map(len, words)) / max(1, len(words)), 2),
        "longest_words": sorted(set(words), key=lambda word: (-len(word), word))[: min(top, 5)],
        "top_words": [list(pair) for pair in Counter(telling).most_common(top)],
        "top_pairs": [[" ".join(pair), count] for pair, count in Counter(pairwise(telling)).most_common(min(top, 5))],
    }
