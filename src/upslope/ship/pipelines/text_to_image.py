"""Text to image in use: `upslope predict RUN "a red seven" --count 8 --out FOLDER`, by latent diffusion.

A prompt is read word by word as in training; a word that was not learned is refused by name, since a picture would come
all the same. The network that is exported takes one step of many, and does not hold the decoder: pictures are drawn
from a run, or from a file that keeps the whole network.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.runs.errors import RunProblem
from upslope.ship.generated import Generated, ImageGenerator, Images, SampleRequest
from upslope.ship.pipelines.pipeline import Arrays, Options, Remark, UnreadableInput
from upslope.text.prompt_words import PromptRefused, PromptWords
from upslope.training.numbered_noise import numbered_noise


class TextToImage(ImageGenerator):
    """Prompts in, pictures of what they say out, each out of noise in a few steps."""

    tag: ClassVar[str] = "text-to-image"
    needs_input: ClassVar[bool] = True
    example: ClassVar[str] = '"a red seven" --count 8 --seed 3 --show sheet.png'
    options: ClassVar[frozenset[str]] = ImageGenerator.options | {"steps", "guidance"}

    @property
    def words(self) -> PromptWords:
        """What the network can read."""
        said = self.spec.preprocessing["prompts"]
        return PromptWords(tuple(said["words"]), int(said["longest"]))

    @property
    def learned(self) -> int:
        """The number of steps into noise."""
        return int(self.spec.preprocessing["diffusion"]["learned"])

    def refuses(self, options: Options) -> str:
        """There are only so many steps to choose from."""
        if options.steps is None or options.steps <= self.learned:
            return ""
        return f"--steps is at most {self.learned}, the steps that the network learned, not {options.steps}"

    def read(self, words: Sequence[str], options: Options) -> Iterator[SampleRequest | UnreadableInput | Remark]:
        """What the options ask for, once for each prompt; or why the network cannot read it."""
        for prompt in words:
            try:
                self.words(prompt)
            except PromptRefused as problem:
                yield UnreadableInput(" ".join(prompt.split())[:60], str(problem))
            else:
                yield SampleRequest(options, prompt)

    def generate(self, request: SampleRequest) -> Images:
        """Samples of the prompt."""
        import torch

        from upslope.training.diffusion import Diffusion
        from upslope.training.prompted import draw_prompts

        if self.network.module is None:
            raise RunProblem(f"{self.network.name} holds one step of the network and no decoder: draw from its run")
        asked, words = request.options, self.words
        return draw_prompts(
            self.network.module,
            torch.tensor([words(request.prompt)] * asked.count),
            asked.numbers,
            empty=words.empty,
            diffusion=Diffusion(**self.spec.preprocessing["diffusion"]),
            shape=tuple(self.spec.shape),
            seed=asked.seed,
            steps=asked.steps,
            guidance=asked.guidance,
        )

    def images(self, answers: Sequence[Generated]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Each sample, by its prompt, its seed and its number."""
        for answer in answers:
            request = answer.request
            asked = "-".join(word for word in "".join(map(_plain, request.prompt.casefold())).split())
            for number, image in zip(request.options.numbers, answer.images, strict=True):
                yield f"{asked}-seed{request.options.seed}-{number:04d}", np.rint(255 * image).astype(np.uint8)

    def preprocess(self, items: Sequence[SampleRequest]) -> Arrays:
        """What the network is asked first: the noise of each sample, at the last step, with its prompt."""
        noise = [numbered_noise(item.options.numbers, self.spec.shape, seed=item.options.seed) for item in items]
        tokens = [self.words(item.prompt) for item in items for _ in item.options.numbers]
        return self._named(np.concatenate(noise), np.full(len(tokens), self.learned - 1), np.array(tokens))

    def rows(self, dataset: Dataset) -> Arrays:
        """Noise in the place of latents, at steps from the first to the last, with the prompts of a data set."""
        step = np.linspace(0, self.learned - 1, len(dataset))
        noise = numbered_noise(range(len(dataset)), self.spec.shape, seed=0)
        return self._named(noise, step, np.array([self.words(text) for text in dataset["text"]]))

    def _named(self, x: NDArray[Any], step: NDArray[Any], tokens: NDArray[Any]) -> Arrays:
        parts = (x.astype(np.float32), step.astype(np.int64), tokens.astype(np.int64))
        return dict(zip(self.spec.inputs, parts, strict=True))

    def card(self) -> dict[str, list[str]]:
        """What it does, how samples are made, what it cannot do."""
        said = self.spec.preprocessing["diffusion"]
        shape = " x ".join(map(str, self.spec.shape))
        words = ", ".join(self.words.words)
        predicted = {"epsilon": "the noise in it", "x0": "the clean one", "v": "v, a mixture of noise and latent"}
        return {
            "What it does": [
                f"Takes noisy latents ({shape}), the step that each is at, from 0 to {self.learned - 1}, and the "
                f"{self.words.context} tokens of its prompt, and predicts {predicted[said['predicts']]}."
            ],
            "How prompts are read": [
                f"Token 0 begins a prompt, 1 and further are the words in order ({words}), and {self.words.end} ends "
                f"it, as often as there is room. Other words are refused."
            ],
            "How samples are made": [
                f"From noise, in {said['steps']} steps by the sampler {said['sampler']}, with noise by the schedule "
                f"{said['schedule']}. In each step the network is asked with the prompt and with the empty one, and w "
                f"= {said['guidance']:g} in (1 + w) * asked - w * anything. Sample number n of a seed is the same "
                "whatever others are drawn with it."
            ],
            "Limits": [
                "It draws the things and colors that it learned, some of them wrong, and nothing else. Compare it with "
                "others by the scores above only where the reader is the same."
            ],
        }


def _plain(letter: str) -> str:
    return letter if letter.isalnum() else " "
