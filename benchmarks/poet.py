"""Couplets of `upslope app poet`, judged: how many lines scan, how many pairs rhyme, how many lines are copied.

    python benchmarks/poet.py                   200 couplets by the newest run of lab verse
    python benchmarks/poet.py --check           exit status 1 where one of the bounds is missed
    python benchmarks/poet.py --json            one line of JSON

The bounds: at least 98 % of the lines scan, all pairs rhyme, no word rhymes with itself, at most 2 % of the lines stand
in the training text. A couplet that the search does not find is counted as one that fails.
"""

import argparse
import json
import sys
import time
from collections import Counter

from upslope.apps.poet import NoPoem
from upslope.cli.apps.poet import LAB, _poet
from upslope.text.meter import last_word, words_of


def judged(run: str, count: int) -> dict[str, float]:
    """Shares of lines and of couplets."""
    poet, _ = _poet(run)
    found: Counter[str] = Counter()
    start = time.process_time()
    for seed in range(count):
        try:
            lines = poet.poem("couplet", seed=seed)
        except NoPoem:
            found["not found"] += 1
            continue
        one, other = map(last_word, lines)
        found["scan"] += sum(map(poet.meter.scans, lines))
        found["rhyme"] += poet.meter.rhymes(one, other)
        found["with itself"] += one == other
        found["copied"] += sum(" ".join(words_of(line)) in poet.known for line in lines)
    return {
        "couplets": count,
        "not_found": found["not found"],
        "scan": found["scan"] / (2 * count),
        "rhyme": found["rhyme"] / count,
        "with_itself": found["with itself"] / count,
        "copied": found["copied"] / (2 * count),
        "cpu_seconds": round(time.process_time() - start, 1),
    }


def main() -> int:
    """Measure, say, and with --check judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", default=LAB)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = judged(asked.run, asked.count)
    for name, value in () if asked.json else found.items():
        print(f"{name:12} {value:g}")
    if asked.json:
        print(json.dumps(found))
    good = found["scan"] >= 0.98 and found["rhyme"] == 1 and not found["with_itself"] and found["copied"] <= 0.02
    return int(asked.check and not good)


if __name__ == "__main__":
    sys.exit(main())
