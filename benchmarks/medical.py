"""`upslope app medical`, judged on the five test slices of ISBI 2012: does the network know where it is wrong?

    python benchmarks/medical.py                  the newest run of lab segment
    python benchmarks/medical.py RUN [RUN ...]    some runs, a line for each
    python benchmarks/medical.py --check          exit status 1 where a slice misses one of the bounds
    python benchmarks/medical.py --json           one line of JSON

The bounds: the uncertainty finds the wrong pixels of each slice with an area under the curve of at least 0.85, and the
calibration error is at most 0.03.
"""

import argparse
import json
import sys

import numpy as np

from upslope.apps.medical import examine
from upslope.data.isbi2012_membrane import load as slices
from upslope.ship.pipelines.image_segmentation import ImageSegmentation
from upslope.ship.predictor import load

LEAST, MOST = 0.85, 0.03


def judged(run: str) -> dict[str, list[float]]:
    """Dice, AUC of the uncertainty and calibration error of each test slice."""
    pipeline = load(run)
    if not isinstance(pipeline, ImageSegmentation):
        sys.exit(f"{run} was trained for {pipeline.tag}, and this needs a run of lab segment")
    test = slices("test")
    findings = []
    for picture, mask in zip(test["image"], test["mask"], strict=True):
        pixels = np.asarray(picture, dtype=np.float32)[None] / 255
        findings.append(examine(pipeline, pixels, truth=np.asarray(mask, dtype=np.int64)).judged)
    return {name: [round(each[name], 4) for each in findings] for name in findings[0]}


def main() -> int:
    """Measure, say, and with --check judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="*", default=["segment"], metavar="RUN")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {}
    for run in asked.runs:
        found[run] = judged(run)
        for name, values in () if asked.json else found[run].items():
            print(f"{run}  {name:18} {'  '.join(f'{value:.3f}' for value in values)}", flush=True)
    if asked.json:
        print(json.dumps(found))
    missed = [
        run for run, one in found.items() if min(one["uncertainty_auc"]) < LEAST or max(one["calibration_error"]) > MOST
    ]
    for run in missed if asked.check else ():
        print(f"{run} misses a bound: AUC >= {LEAST}, calibration error <= {MOST}", file=sys.stderr)
    return int(bool(missed) and asked.check)


if __name__ == "__main__":
    sys.exit(main())
