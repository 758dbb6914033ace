"""Our SSD300 and DeepLabV3 beside torchvision's: forward pass and training step, time and peak memory, in one run; and
the small detectors of lab detect beside each other.

    python benchmarks/detectors.py               two threads, float32
    python benchmarks/detectors.py --check       exit status 1 if ours takes more time or more memory
    python benchmarks/detectors.py --json        one line of JSON

torchvision is there after `make peers`; of its detectors the operators do not load, so what is compared is what runs
without them. SSD300 sees a picture of 300 x 300; its step is trunk, heads, matching, loss, backward and SGD.
DeepLabV3 over ResNet-50, with its auxiliary head, sees 2 pictures of 192 x 192. Weights are the same, and outputs are
compared before anything is timed. How time and memory are measured: `benchmarks/models.py`.

The small detectors answer one picture of 256 x 192 from pixels to boxes: network, decoding, suppression. They are
fresh, and a network that has learned leaves suppression less to do. A ratio is the time beside that of YOLO's.
"""

import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from growth import can_be_measured, growth
from torch import Tensor, nn
from torch.nn import functional as F

from models import THREADS, Case, Row, Step, memory, rows, show, times
from upslope.data import bccd
from upslope.data.loading.boxed_pictures import at_size
from upslope.models.build import build, built, find
from upslope.models.checkpoints import translate
from upslope.training.tasks.object_detection import ObjectDetection

PEERS = Path(sys.prefix) / "peers"
DECLARING = Path(__file__).parents[1] / "tests" / "peers" / "torchvision.py"
BOXES = torch.tensor([[30.0, 40, 150, 200], [100, 90, 260, 280], [10, 10, 60, 50]])
LABELS = torch.tensor([3, 17, 44])
FORMS = ("ours", "torchvision")
CASES = (
    Case("SSD300 forward", "ssd300-vgg16", "forward", FORMS),
    Case("SSD300 training step", "ssd300-vgg16", "step", FORMS),
    Case("DeepLabV3 forward", "deeplab-r50-auxiliary", "forward", FORMS),
    Case("DeepLabV3 training step", "deeplab-r50-auxiliary", "step", FORMS),
)
SMALL = ("yolo-small", "ssd-small", "faster-rcnn-small")


def torchvision() -> bool:
    """Whether torchvision can be imported: it is installed beside the other packages, and its operators declared."""
    if not (PEERS / "torchvision").is_dir():
        return False
    sys.path.append(str(PEERS))
    spec = importlib.util.spec_from_file_location("declaring", DECLARING)
    assert spec is not None
    assert spec.loader is not None
    declaring = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(declaring)
    declaring.torchvision()
    return True


def theirs(name: str) -> nn.Module:
    """torchvision's network, with random weights that are always the same."""
    from torchvision.models.detection import ssd300_vgg16
    from torchvision.models.segmentation import deeplabv3_resnet50

    torch.manual_seed(0)
    if name == "ssd300-vgg16":
        return ssd300_vgg16(weights=None, weights_backbone=None)
    return deeplabv3_resnet50(weights=None, weights_backbone=None, aux_loss=True)


def ours(name: str, peer: nn.Module) -> nn.Module:
    """Our network with the peer's weights."""
    found, size = find(name)
    network = build(name)
    rules = found.card.sizes[size].weights[0].keys
    network.load_state_dict(translate(peer.state_dict(), rules, network.state_dict(), name="torchvision"))
    return network


def make(name: str, mode: str, form: str) -> Step:
    """One form of a case, ready to be called again and again."""
    network = theirs(name)
    peer = network
    if form == "ours":
        network = ours(name, peer)
    network.train(mode == "step")
    side, count = (300, 1) if name == "ssd300-vgg16" else (192, 2)
    x = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))
    scores, loss = (ssd if name == "ssd300-vgg16" else deeplab)(network, x, form)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)

    def forward() -> Tensor:
        with torch.inference_mode():
            return scores()

    def step() -> float:
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.item()

    return forward if mode == "forward" else step


def ssd(network: nn.Module, x: Tensor, form: str) -> tuple[Step, Step]:
    """The classes' scores, and the loss, of one form of SSD."""
    count = len(x)
    boxes, labels = BOXES.expand(count, -1, -1), LABELS.expand(count, -1)
    if form == "ours":
        counts = torch.full((count,), len(LABELS))

        def loss() -> Tensor:
            return network.losses(network(x), boxes, labels, counts, height=300, width=300)["loss"]

        return lambda: network(x).classes, loss
    from torchvision.ops.boxes import box_iou

    targets = [{"boxes": each, "labels": kinds + 1} for each, kinds in zip(boxes, labels, strict=True)]
    images = SimpleNamespace(tensors=x, image_sizes=[(300, 300)] * count)

    def said() -> tuple[list[Tensor], dict[str, Tensor]]:
        maps = list(network.backbone(x).values())
        return maps, network.head(maps)

    def their_loss() -> Tensor:
        maps, answers = said()
        anchors = network.anchor_generator(images, maps)
        matched = [network.proposal_matcher(box_iou(t["boxes"], own)) for t, own in zip(targets, anchors, strict=True)]
        return sum(network.compute_loss(targets, answers, anchors, matched).values())

    return lambda: said()[1]["cls_logits"], their_loss


def deeplab(network: nn.Module, x: Tensor, form: str) -> tuple[Step, Step]:
    """The logits, and the loss with half of the auxiliary's, of one form of DeepLab."""
    target = torch.arange(21).repeat(x.shape[2] * x.shape[3])[: x.shape[2] * x.shape[3]].view(1, *x.shape[2:])
    target = target.expand(len(x), -1, -1)
    main, beside = ("logits", "auxiliary") if form == "ours" else ("out", "aux")

    def scores() -> Tensor:
        said = network(x)
        return said if isinstance(said, Tensor) else said[main]

    def loss() -> Tensor:
        said = network(x)
        return F.cross_entropy(said[main], target) + 0.5 * F.cross_entropy(said[beside], target)

    return scores, loss


def beside_torchvision(case: Case, *, rounds: int, budget: float) -> list[Row]:
    """One case: the same answers, then time and memory."""
    if case.mode == "forward":
        mine, peers = (make(case.model, case.mode, form)() for form in case.forms)
        torch.testing.assert_close(mine, peers, atol=1e-3, rtol=1e-4)
    steps = {form: make(case.model, case.mode, form) for form in case.forms}
    taken = times(steps, rounds=rounds, budget=budget)
    grown = memory(case, processes=3, script=__file__) if can_be_measured() else {}
    return rows(case, taken, grown, bounded="torchvision", threads=THREADS)


def small_ones(*, rounds: int, budget: float) -> list[Row]:
    """The small detectors in turns, from pixels to boxes; a ratio is beside the first."""
    cells = at_size(bccd.toy(rng=np.random.default_rng(0), count=1), 192, 256)

    def answering(name: str) -> Step:
        task = ObjectDetection(built(name, seed=0, num_classes=3).module, train=cells)
        return lambda: task.predict(cells)

    taken = times({name: answering(name) for name in SMALL}, rounds=rounds, budget=budget)
    return [
        row
        for name in SMALL[1:]
        for row in rows(
            Case(f"{name} from pixels to boxes", name, "forward", ("ours", SMALL[0])),
            {"ours": taken[name], SMALL[0]: taken[SMALL[0]]},
            {},
            bounded="",
            threads=THREADS,
        )
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds per form and round")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--grow", nargs=3, metavar=("MODEL", "MODE", "FORM"), help="one measurement of memory")
    args = parser.parse_args()

    torch.set_num_threads(THREADS)
    there = torchvision()
    if args.grow:
        print(growth(make(*args.grow)))
        return 0
    if not there:
        print("beside torchvision: left out, `make peers` installs it", file=sys.stderr)
    how = {"rounds": args.rounds, "budget": args.budget}
    results: list[Row] = []
    for case in CASES if there else ():
        if args.only in case.name:
            results += beside_torchvision(case, **how)
    if args.only in "small":
        results += small_ones(**how)
    if not args.json:
        for row in results:
            show(row)
    broken = [row["case"] for row in results if row["bound"] and round(row["ratio"], 2) > row["bound"]]
    if args.json:
        print(json.dumps({"results": results, "broken": broken, "torch": torch.__version__}))
    elif broken:
        print(f"bound broken: {'; '.join(map(str, broken))}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
