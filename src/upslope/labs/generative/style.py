"""Style: a photograph repainted pixel by pixel until its features are those of a painting.

L. Gatys, A. Ecker, M. Bethge, "Image Style Transfer Using Convolutional Neural Networks", 2016; first as
https://arxiv.org/abs/1508.06576.

Claim: after 150 steps of L-BFGS on the pixels a judge that nobody optimized says "this painting" for at least 80 % of
photographs, whose edges correlate with the photographs' at 0.5 or more, with every seed (3 seeds).

- No network is trained: the pixels are the parameters, and gradients go through a frozen network to them.
- Content is where features are, style which features come together: Gram matrices, of four layers.
- The pictures start from the photographs; `start=noise` starts from noise, as the paper does.
- Left out: VGG-16's features, unless you have its weights (`features=vgg16`); average pooling.

Without the style (`style=0`) nothing changes, without the content (`content=0`) and from noise there is no scene.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.gallery import gallery
from upslope.runs.run import Run
from upslope.training.config import TrainingConfig
from upslope.training.loop import loop, seeded_steps
from upslope.training.perceptual import noise_like
from upslope.training.state import StateArrays, arrays
from upslope.training.tasks.image_to_image import Canvas, StyleTransfer, Weights, as_batch, lbfgs, photographs

SIDE = 128  # pixels: the middle of each photograph


class Config(TrainingConfig):
    """Settings of this lab."""

    unused: ClassVar = {"compile": "there is no network to compile", "devices": "one process moves all pixels"}
    data: Literal["style_images", "toy"] = Field("style_images", description="toy is generated")
    painting: str = Field("starry_night", description="shipwreck, starry_night, the_scream, udnie, or a file of yours")
    features: Literal["small", "vgg16", "random"] = Field("small", description="the frozen network of the losses")
    start: Literal["photograph", "noise"] = Field("photograph", description="where the pixels begin")
    pictures: int = Field(10, ge=1, le=15, description="how many photographs are repainted")
    steps: int = Field(150, ge=1, le=10**6, description="how often all pixels are moved")
    content: float = Field(1.0, ge=0, le=10**6, description="what the scene counts")
    style: float = Field(100.0, ge=0, le=10**6, description="what the manner counts")
    smooth: float = Field(1.0, ge=0, le=10**6, description="what noise costs")


def run(config: Config, run: Run[Config]) -> None:
    """Move the pixels of all pictures together; let the judge look at them once, at the end."""
    toy = config.data == "toy"
    found = gallery(toy=toy, rng=np.random.default_rng(config.seed), quiet=run.quiet)
    middle = (found.test.shape[1] - min(SIDE, found.test.shape[1])) // 2
    test = photographs(found.test[-config.pictures :, middle : middle + SIDE, middle : middle + SIDE])
    photograph = as_batch(test["image"])
    canvas = Canvas(noise_like(photograph, seed=config.seed) if config.start == "noise" else photograph)
    counts = Weights(content=config.content, style=config.style, smooth=config.smooth)
    features = "toy" if toy and config.features == "small" else config.features
    task = StyleTransfer(canvas, found, painting=config.painting, features=features, weights=counts, quiet=run.quiet)
    optimizer = lbfgs([canvas.pictures])
    with loop(run) as fabric:
        fabric.to_device(task)
        batch = {"image": fabric.to_device(photograph)}
        run.register(canvas=StateArrays(canvas), optimizer=StateArrays(optimizer))
        for step in seeded_steps(run, config.steps):
            parts: dict[str, Tensor] = {}

            def closure(parts: dict[str, Tensor] = parts) -> Tensor:
                optimizer.zero_grad()
                parts |= task(batch)
                fabric.backward(parts["loss"])
                return parts["loss"]

            optimizer.step(closure)
            if step % 5 == 0:
                run.log(step, **{name: part.detach() for name, part in parts.items()})
    painted = canvas.pictures.detach().clamp(0, 1).cpu().numpy()
    measured = {f"test_{name}": value for name, value in task.metrics(painted, test).items()}
    moved = float((canvas.pictures.detach().cpu() - photograph).norm() / photograph.norm())
    task.report(run, painted, test, per_epoch=0)
    run.save_model(arrays(canvas))
    run.finish({**measured, "pixels_moved": moved}, **task.facts(test))


REAL = {"data": "style_images"}
SHARE = Metric(unit="%")
LESS = Metric(higher_is_better=False)
SMOKE = {"data": "toy", "painting": "stripes", "pictures": 2, "steps": 30}
CARD = LabCard(
    name="style",
    title="Style: a photograph repainted, pixel by pixel",
    paper="Gatys, Ecker and Bethge 2016",
    claim=(
        'after 150 steps of L-BFGS on the pixels a judge that nobody optimized says "this painting" for at least 80 % '
        "of photographs, whose edges correlate with the photographs' at 0.5 or more, with every seed"
    ),
    domain="generative",
    seconds={"smoke": 6, "laptop": 150, "full": 900},
    data=("style_images", "flickr8k_224_subset", "skimage_photos"),
    # The scores of the ablations are guesses until there are records.
    expect=(
        Expect("test_this_painting", at_least=0.8, when=REAL, ablations={"no style": 0.1, "random filters": 0.3}),
        Expect("test_edges", at_least=0.5, when=REAL, ablations={"no content": 0.1}),
    ),
    presets={"smoke": SMOKE, "laptop": {}, "full": {"steps": 1000, "pictures": 15}},
    metrics={
        "test_this_painting": SHARE,
        "test_edges": Metric(),
        "test_checkerboard": LESS,
        "test_loss": LESS,
        "test_content_loss": LESS,
        "test_style_loss": LESS,
        "loss": LESS,
        "pixels_moved": SHARE,
    },
    ablations=(
        Ablation(name="no style", settings={"style": 0.0}),
        Ablation(name="no content", settings={"content": 0.0, "start": "noise"}),
        Ablation(name="random filters", settings={"features": "random"}),
    ),
    seeds=3,
)
