"""Seeds that train side by side make the record that they make one after the other."""

from upslope.cards import discover
from upslope.runs.recording import Planned, make


def test_seeds_side_by_side():
    found, plan = discover("labs")["digits"], Planned("", ("lr=0.2",), "smoke", 2)
    heard = []
    together = make(found, plan, quiet=True, said=lambda seed, result: heard.append((seed, result.seed)), processes=2)
    after_another = make(found, plan, quiet=True, said=lambda *_: None)
    assert heard == [(0, 0), (1, 1)]
    assert together.metrics == after_another.metrics
    assert (together.variant, together.seeds) == ("smoke-0-2", [0, 1])
    assert together.config["threads"] >= 1
