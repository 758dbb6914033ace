"""Class-conditional image generation in use: `upslope predict RUN "a seven" --count 8`, by a diffusion model.

The network that is run and exported takes one step of many; the steps between its passes are PyTorch's, also where an
ONNX file is read.
"""

import shlex
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from upslope.data.loading.dataset import Dataset
from upslope.runs.model_spec import ModelSpec
from upslope.ship.generated import ImageGenerator, Images, SampleRequest
from upslope.ship.pipelines.pipeline import Arrays, Options
from upslope.training.numbered_noise import numbered_noise


class ClassConditionalImageGeneration(ImageGenerator):
    """The names of classes in, images of them out, each out of noise in a few steps."""

    tag: ClassVar[str] = "class-conditional-image-generation"
    options: ClassVar[frozenset[str]] = ImageGenerator.options | {"steps", "guidance"}

    @classmethod
    def example_for(cls, spec: ModelSpec) -> str:
        """Eight of the last class."""
        return f"{shlex.quote(spec.preprocessing['classes'][-1])} --count 8 --seed 3 --show sheet.png"

    @property
    def learned(self) -> int:
        """The number of steps into noise."""
        return int(self.spec.preprocessing["diffusion"]["learned"])

    def refuses(self, options: Options) -> str:
        """There are only so many steps to choose from."""
        if options.steps is None or options.steps <= self.learned:
            return ""
        return f"--steps is at most {self.learned}, the steps that the network learned, not {options.steps}"

    def generate(self, request: SampleRequest) -> Images:
        """Samples of the class that is asked for; without a prompt of any, and then there is nothing to amplify."""
        from upslope.training.diffusion import drawn

        asked = request.options
        return drawn(
            self.network.forward,
            self.spec,
            labels=[len(self.classes) if request.label is None else request.label] * asked.count,
            numbers=asked.numbers,
            seed=asked.seed,
            steps=asked.steps,
            guidance=0.0 if request.label is None else asked.guidance,
        )

    def preprocess(self, items: Sequence[SampleRequest]) -> Arrays:
        """What the network is asked first: the noise of each sample, at the last step, with its class."""
        noise = [numbered_noise(item.options.numbers, self.spec.shape, seed=item.options.seed) for item in items]
        labels = [[len(self.classes) if item.label is None else item.label] * item.options.count for item in items]
        return self._named(np.concatenate(noise), self.learned - 1, np.concatenate(labels))

    def rows(self, dataset: Dataset) -> Arrays:
        """The images of a data set with noise on them, at steps from the first to the last, and their classes."""
        from upslope.training.diffusion import Diffusion

        step = np.linspace(0, self.learned - 1, len(dataset)).astype(np.int64)
        kept = Diffusion(**self.spec.preprocessing["diffusion"]).alpha_bars.numpy()[step].reshape(-1, 1, 1, 1)
        noise = numbered_noise(range(len(dataset)), self.spec.shape, seed=0)
        noisy = np.sqrt(kept) * (2 * dataset["image"][:, None] - 1) + np.sqrt(1 - kept) * noise
        return self._named(noisy, step, dataset["label"])

    def _named(self, x: Images, step: "np.ndarray | int", label: "np.ndarray") -> Arrays:
        steps = np.broadcast_to(np.asarray(step, dtype=np.int64), len(x))
        parts = (x.astype(np.float32), np.ascontiguousarray(steps), label.astype(np.int64))
        return dict(zip(self.spec.inputs, parts, strict=True))

    def card(self) -> dict[str, list[str]]:
        """What it does, how samples are made, what it cannot do."""
        said = self.spec.preprocessing["diffusion"]
        shape = " x ".join(map(str, self.spec.shape))
        predicted = {"epsilon": "the noise in it", "x0": "the clean image", "v": "v, a mixture of noise and image"}
        return {
            "What it does": [
                f"Takes noisy images ({shape}), the step that each is at, from 0 to {self.learned - 1}, and the number "
                f"of its class, and predicts {predicted[said['predicts']]}. The label {len(self.classes)} stands for "
                f"no class. In order, the classes are {', '.join(self.classes)}."
            ],
            "How samples are made": [
                f"From noise, in {said['steps']} steps by the sampler {said['sampler']}, with noise by the schedule "
                f"{said['schedule']}. In each step the network is asked with the class and without it, and w = "
                f"{said['guidance']:g} in (1 + w) * asked - w * anything. Pixels lie in [-1, 1]; (x + 1) / 2 brings "
                "them to [0, 1]. Sample number n of a seed is the same whatever others are drawn with it."
            ],
            "Limits": [
                "It makes images of the classes it learned, some of them wrong. More guidance makes more of them right "
                "and all of them more alike. Compare it with others by the scores above only where the judges are the "
                "same.",
            ],
        }
