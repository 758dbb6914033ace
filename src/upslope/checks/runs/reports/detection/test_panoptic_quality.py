"""What panoptic_quality must do."""

from dataclasses import fields, replace

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, true
from upslope.runs.reports.detection import panoptic_quality as module
from upslope.runs.reports.detection.panoptic_quality import Panoptic, overlaps


def picture(truth, found, classes=None, crowds=""):
    """Rows of letters, a letter for each segment and a dot for void; all are of class 1 unless `classes` says more."""
    kinds = {ord(letter): 1 for letter in truth + found if letter != "."}
    kinds |= {ord(letter): kind for letter, kind in (classes or {}).items()}
    ids = [np.array([[ord(letter) if letter != "." else 0 for letter in row]]) for row in (truth, found)]
    return overlaps(Panoptic(ids[0], kinds, frozenset(map(ord, crowds))), Panoptic(ids[1], kinds))


def scored(tp, fp, fn, ious):
    sq, rq = sum(ious) / tp if tp else 0.0, tp / (tp + fp / 2 + fn / 2)
    return sq * rq, sq, rq


def compare(pictures, expected, *, kind=1, case):
    got = module.panoptic_quality(pictures, kind)
    equal(len(got), 3, case=case, problem="PQ, SQ and RQ are wanted")
    for value, wanted, name in zip(got, expected, ("PQ", "SQ", "RQ"), strict=True):
        close(value, wanted, case=f"{name} of {case}")


def drawn(rng, *, height=9, width=12, most=8, near=True):
    """Rectangles over each other on void, some of them crowds; found is the truth moved a little, or something else."""
    layers = []
    for _ in range(2):
        ids = np.zeros((height, width), dtype=int)
        for k in range(1, int(rng.integers(1, most + 1)) + 1):
            top, left = rng.integers(0, height - 2), rng.integers(0, width - 2)
            ids[top : top + rng.integers(2, height), left : left + rng.integers(2, width)] = 5 * k
        layers.append(ids)
    classes = {5 * k: int(rng.integers(0, 3)) for k in range(1, most + 1)}
    crowds = frozenset(k for k in classes if rng.random() < 0.3)
    truth, found = layers
    if near:
        found = np.where(rng.random((height, width)) < 0.15, found, np.roll(truth, int(rng.integers(0, 2)), axis=1))
    return Panoptic(truth, classes, crowds), Panoptic(found, classes)


def by_pixels(pairs, kind):
    """Kirillov et al. 2018, section 4, with sets of pixels: IoU of the pairs, FP and FN."""
    ious, fp, fn = [], 0, 0
    for truth, found in pairs:
        void = set(np.flatnonzero(truth.ids == 0).tolist())
        sets = [
            {k: set(np.flatnonzero(each.ids == k).tolist()) for k, c in each.classes.items() if c == kind}
            for each in (truth, found)
        ]
        there, said = ({k: pixels for k, pixels in each.items() if pixels} for each in sets)
        crowd = {pixel for k, pixels in there.items() if k in truth.crowds for pixel in pixels}
        wanted = [pixels for k, pixels in there.items() if k not in truth.crowds]
        for pixels in wanted:
            shares = [len(pixels & other) / len(pixels | (other - void)) for other in said.values()]
            ious += [share for share in shares if share > 0.5]
            fn += not any(share > 0.5 for share in shares)
        for other in said.values():
            alone = not any(len(pixels & other) / len(pixels | (other - void)) > 0.5 for pixels in wanted)
            fp += alone and 2 * len(other & (void | crowd)) <= len(other)
    return ious, fp, fn


def expected_of(pairs, kind):
    ious, fp, fn = by_pixels(pairs, kind)
    return scored(len(ious), fp, fn, ious) if len(ious) + fp + fn else (np.nan,) * 3


@grades(module.panoptic_quality)
def test_by_hand(rng):
    """by hand: of two segments one is found with an IoU of 0.8, the other not at all: SQ 0.8, RQ 2/3"""
    one = picture("aaaaabbbb-", "xxxx------", {"-": 9})
    compare([one], (1.6 / 3, 0.8, 2 / 3), case="truth aaaaabbbb-, found xxxx------")


@grades(module.panoptic_quality)
def test_false_alarm(rng):
    """a false positive and a false negative count half each: TP 2, FP 1, FN 1 with IoU 0.8 and 0.6"""
    one = picture("aaaaabbbbbcc----", "xxxx-yyy------zz", {"-": 9})
    compare([one], (1.4 / 3, 0.7, 2 / 3), case="truth aaaaabbbbbcc----, found xxxx-yyy------zz")
    compare([picture("aaaa--", "xxxxyz", {"-": 9})], (0.5, 1.0, 0.5), case="truth aaaa--, found xxxxyz")
    compare([picture("aaaabc", "xxxx--", {"-": 9})], (0.5, 1.0, 0.5), case="truth aaaabc, found xxxx--")


@grades(module.panoptic_quality)
def test_half(rng):
    """an IoU of exactly 1/2 makes no pair: a segment that is cut into two halves costs three times"""
    compare([picture("aaaa", "xxyy")], (0.0, 0.0, 0.0), case="truth aaaa, found xxyy")
    compare([picture("aaaaa", "xxxyy")], (0.6 / 1.5, 0.6, 1 / 1.5), case="truth aaaaa, found xxxyy")


@grades(module.panoptic_quality)
def test_void_union(rng):
    """what is void in the truth is in no union; what is void in the prediction is"""
    compare(
        [picture("aaaaaa....", "xxxx--xx--", {"-": 9})], (4 / 6, 4 / 6, 1.0), case="truth aaaaaa...., found xxxx--xx--"
    )
    compare([picture("aaaaaa", "xxxx..")], (4 / 6, 4 / 6, 1.0), case="truth aaaaaa, found xxxx..")


@grades(module.panoptic_quality)
def test_void_excuses(rng):
    """what was found is no false positive if more than half of it is void; exactly half is not enough"""
    compare([picture("aaa...-", "aaaxxxx", {"-": 9})], (1.0, 1.0, 1.0), case="truth aaa...-, found aaaxxxx")
    compare([picture("aaa..--", "aaaxxxx", {"-": 9})], (2 / 3, 1.0, 2 / 3), case="truth aaa..--, found aaaxxxx")


@grades(module.panoptic_quality)
def test_crowds(rng):
    """a crowd need not be found and is nobody's pair; what lies mostly in one of its class is excused"""
    compare([picture("aaaccc", "xxx...", crowds="c")], (1.0, 1.0, 1.0), case="crowd c; truth aaaccc, found xxx...")
    compare([picture("aaaccc", "xxxyyy", crowds="c")], (1.0, 1.0, 1.0), case="crowd c; truth aaaccc, found xxxyyy")
    compare(
        [picture("aaaccc", "xxxyyy", {"c": 2}, crowds="c")],
        (2 / 3, 1.0, 2 / 3),
        case="crowd c of another class; truth aaaccc, found xxxyyy",
    )
    compare(
        [picture("aaacc--", "xxxyyyy", {"-": 9}, crowds="c")],
        (2 / 3, 1.0, 2 / 3),
        case="crowd c; truth aaacc--, found xxxyyyy",
    )
    case = "crowds c and d, taken together with void; truth aaac.d--, found xxxyyyyy"
    compare([picture("aaac.d--", "xxxyyyyy", {"-": 9}, crowds="cd")], (1.0, 1.0, 1.0), case=case)
    case = "crowds c and d, d of another class; truth aaac.d-, found xxxyyyy"
    compare([picture("aaac.d-", "xxxyyyy", {"-": 9, "d": 9}, crowds="cd")], (2 / 3, 1.0, 2 / 3), case=case)


@grades(module.panoptic_quality)
def test_classes(rng):
    """a pair is of one class: a segment found exactly, with another class, is wrong in both"""
    one = picture("aaaabbb", "xxxxyyy", {"x": 2, "b": 3, "y": 3})
    for kind in (1, 2):
        compare([one], (0.0, 0.0, 0.0), kind=kind, case=f"class {kind}: truth 1111333, found 2222333")
    compare([one], (1.0, 1.0, 1.0), kind=3, case="class 3: truth 1111333, found 2222333")


@grades(module.panoptic_quality)
def test_sums(rng):
    """sums run over all pictures before anything is divided"""
    pictures = [picture("aaaaa-----", "xxxx------", {"-": 9}), picture("aabbccdd", "xxyy----", {"-": 9})]
    compare(pictures, scored(3, 0, 2, (0.8, 1.0, 1.0)), case="pictures with 1 of 1 and 2 of 4 segments found")


@grades(module.panoptic_quality)
def test_nothing(rng):
    """nan where nothing counts, and 0 where there are segments and no pair"""
    nothing = (np.nan,) * 3
    compare([], nothing, case="no pictures")
    compare([picture("....", "....")], nothing, case="void alone")
    compare([picture("aaaa", "xxxx")], nothing, kind=2, case="a class that does not occur")
    compare([picture("cc..", "xxxx", crowds="c")], nothing, case="a segment in a crowd and void")
    compare([picture("aaaa", "....")], (0.0, 0.0, 0.0), case="nothing found")
    compare([picture("----", "xxxx", {"-": 9})], (0.0, 0.0, 0.0), case="a false alarm alone")


@grades(module.panoptic_quality)
def test_random(rng):
    """random pictures with crowds and void: as sets of pixels say"""
    for near in (True, True, True, False):
        pairs = [drawn(rng, near=near) for _ in range(3)]
        for kind in range(3):
            expected = expected_of(pairs, kind)
            compare([overlaps(*pair) for pair in pairs], expected, kind=kind, case=f"class {kind} of three pictures")


@grades(module.panoptic_quality)
def test_large(rng):
    """pictures of 60 x 80 pixels with up to 30 segments"""
    pairs = [drawn(rng, height=60, width=80, most=30) for _ in range(2)]
    compare([overlaps(*pair) for pair in pairs], expected_of(pairs, 1), case="two pictures of 60 x 80 pixels")


@grades(module.panoptic_quality)
def test_floats(rng):
    """the three are Python floats, and what was given stays as it is"""
    one = picture("aaaaabbb.", "xxxxyyzzz", crowds="b")
    before = replace(one, **{each.name: getattr(one, each.name).copy() for each in fields(one)})
    for value in (*module.panoptic_quality([one], 1), *module.panoptic_quality([one], 2)):
        true(type(value) is float, "a Python float is wanted", case="PQ, SQ, RQ", got=type(value).__name__)
    for each in fields(one):
        close(getattr(one, each.name), getattr(before, each.name), case=f"{each.name} afterwards", rtol=0, atol=0)


wrong(
    module.panoptic_quality,
    {
        "pixels that are void in the truth are in the union": (" - picture.shared - picture.void", " - picture.shared"),
        "common pixels are counted twice in the union": (" - picture.shared - picture.void", " - picture.void"),
        "an IoU of exactly 1/2 makes a pair": ("pairs = iou > 0.5", "pairs = iou >= 0.5"),
        "a crowd has to be found like any other segment": ("wanted = true & ~picture.crowd", "wanted = true"),
        "segments of other classes make pairs as well": (
            "iou = (picture.shared / union)[wanted][:, found]",
            "found = np.ones_like(found)\n        iou = (picture.shared / union)[wanted][:, found]",
        ),
        "what was found in void or in a crowd is a false positive": (" & ~excused[found]", ""),
        "void excuses what was found there, crowds do not": ("(picture.void + crowded)", "picture.void"),
        "crowds excuse what was found there, void does not": ("(picture.void + crowded)", "crowded"),
        "crowds of every class excuse what was found there": (
            "picture.shared[true & picture.crowd]",
            "picture.shared[picture.crowd]",
        ),
        "every segment of the class excuses what was found there, not crowds alone": (
            "picture.shared[true & picture.crowd]",
            "picture.shared[true]",
        ),
        "what lies in void or crowds by exactly half is excused": (
            "picture.found_area > 0.5",
            "picture.found_area >= 0.5",
        ),
        "false positives and false negatives count whole, not half": (
            "tp / (tp + fp / 2 + fn / 2)",
            "tp / (tp + fp + fn)",
        ),
        "recall stands in the place of RQ: false positives cost nothing": (
            "tp / (tp + fp / 2 + fn / 2)",
            "tp / (tp + fn)",
        ),
        "the SQ is the mean over all segments of the truth, not over the pairs": (
            "overlap / max(tp, 1)",
            "overlap / max(tp + fn, 1)",
        ),
        "without a pair SQ is nan": ("overlap / max(tp, 1)", "(overlap / tp if tp else np.nan)"),
        "a class of which nothing counts has a quality of 0": ("return np.nan, np.nan, np.nan", "return 0.0, 0.0, 0.0"),
        "only the last picture counts": (
            "overlap, tp = overlap + iou[pairs].sum(), tp + pairs.sum()",
            "overlap, tp, fp, fn = iou[pairs].sum(), pairs.sum(), 0, 0",
        ),
        "the PQ is the mean of SQ and RQ, not their product": ("float(sq * rq)", "float((sq + rq) / 2)"),
        "what comes back are numbers of NumPy's": ("float(sq * rq), float(sq), float(rq)", "sq * rq, sq, rq"),
    },
)
