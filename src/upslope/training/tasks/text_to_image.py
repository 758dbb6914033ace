"""Pictures of what a prompt says, by diffusion with cross-attention, judged by a frozen reader word by word.

R. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2021,
https://arxiv.org/abs/2112.10752, equation 3; J. Ho, T. Salimans, "Classifier-Free Diffusion Guidance", 2022,
https://arxiv.org/abs/2207.12598, algorithm 1.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.generative.add_noise import add_noise
from upslope.blocks.generative.frechet import frechet_distance
from upslope.blocks.samplers.prediction import target
from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built
from upslope.models.generative.text_to_image import TextToImage as Network
from upslope.runs.errors import ConfigProblem
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import prompts as figures
from upslope.runs.run import Run
from upslope.text.prompt_words import PromptWords as PromptWords
from upslope.training.batches import Batch
from upslope.training.compress import learn_to_compress, measure_latents
from upslope.training.contrast import learn_by_contrast
from upslope.training.diffusion import Diffusion as Diffusion
from upslope.training.frozen_part import frozen
from upslope.training.prompt_reader import Pictures, as_images, label_columns, reader_of
from upslope.training.prompted import draw_prompts
from upslope.training.seeding import generator
from upslope.training.tasks.task import Task, in_float32

FEW = 100  # pictures for a look: more than the reader has features
STRENGTHS = (0.0, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, eq=False)
class Asked:
    """Pictures (N, H, W, 3) in [0, 1], and the rows of the data set whose prompts were asked for."""

    pictures: Pictures
    rows: Dataset


class TextToImage(Task):
    """The mean squared error of what a network predicts about noisy latents, given their prompts.

    The data have `image`, `text`, and columns of labels in pairs, a thing and its color, which the reader reads.
    """

    tag: ClassVar[str] = "text-to-image"
    ends_if_diverged: ClassVar[bool] = True

    def __init__(
        self,
        network: Built,
        train: Dataset,
        *,
        data: str,
        words: PromptWords,
        diffusion: Diffusion,
        seed: int,
        drop: float = 0.1,
        judged: int = 1000,
    ) -> None:
        """Of the network only the U-Net learns. `drop` is the share of pictures whose prompt is kept secret from it."""
        super().__init__(network.module)
        self.words, self.diffusion, self.seed, self.drop, self.judged = words, diffusion, seed, drop, judged
        self.columns, self.reader = label_columns(train), reader_of(data, train)
        self.seen = {pair for pairs in self.pairs(train) for pair in pairs}
        self.empty = torch.tensor(words.empty)
        self.shape = tuple(cast(Network, network.module).encode(as_images(train["image"][:1])).shape[1:])
        self.alpha_bars = diffusion.alpha_bars

    @property
    def learned(self) -> list[nn.Parameter]:
        """What diffusion trains: the U-Net's parameters."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def pairs(self, rows: Dataset) -> list[list[tuple[int, int]]]:
        """For each place in a picture, the thing and the color of every row."""
        names = list(self.columns)
        return [
            list(zip(rows[thing].tolist(), rows[color].tolist(), strict=True))
            for thing, color in zip(names[::2], names[1::2], strict=True)
        ]

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 3, H, W) in [-1, 1], "tokens": (B, T)}."""
        return {"image": as_images(rows["image"]), "tokens": torch.tensor([self.words(text) for text in rows["text"]])}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss at a step drawn for each picture, with noise and dropped prompts by PyTorch's own generator."""
        image, tokens = batch["image"], batch["tokens"]
        step = torch.randint(self.diffusion.learned, (len(image),), device=image.device)
        secret = torch.rand(len(image), device=image.device) < self.drop
        tokens = torch.where(secret[:, None], self.empty.to(image.device), tokens)
        x = self.latents(image)
        return {"loss": self.error(x, step, tokens, torch.randn_like(x), by=self.model)}

    def latents(self, image: Tensor) -> Tensor:
        """Pictures in [-1, 1] as the U-Net takes them; other ranges are refused."""
        low, high = float(image.min()), float(image.max())
        if not -1 <= low < 0 <= high <= 1:
            raise ConfigProblem(f"pixels lie between {low:g} and {high:g}; diffusion starts from images in [-1, 1]")
        return cast(Network, self.model).encode(image)

    def error(self, x: Tensor, step: Tensor, tokens: Tensor, noise: Tensor, *, by: nn.Module) -> Tensor:
        """The mean squared error of a network about latents."""
        levels = self.alpha_bars.to(x.device)
        noisy = add_noise(x, noise, step, levels)
        said = in_float32(self.diffusion.asked(by)(noisy, step, tokens))
        return F.mse_loss(said, target(self.diffusion.predicts, x, noise, levels[step]))

    def sample(
        self,
        prompts: Sequence[str],
        *,
        seed: int,
        first: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Pictures:
        """Samples `first`, `first` + 1 ... of a seed, one for each prompt, by the predictor."""
        with self.asking() as model:
            return draw_prompts(
                cast(Network, model),
                torch.tensor([self.words(prompt) for prompt in prompts]),
                range(first, first + len(prompts)),
                empty=self.words.empty,
                diffusion=self.diffusion,
                shape=self.shape,
                seed=seed,
                steps=steps,
                guidance=guidance,
            )

    def predict(self, dataset: Dataset) -> Asked:
        """A picture for each of the first prompts, as many as are judged."""
        return self.of(dataset.take(slice(self.judged)))

    def of(self, rows: Dataset, *, guidance: float | None = None) -> Asked:
        """A picture for the prompt of each row."""
        return Asked(self.sample(rows["text"], seed=self.seed, guidance=guidance), rows)

    def obeyed(self, said: dict[str, NDArray[np.int64]], rows: Dataset) -> dict[str, float]:
        """Of pictures, the share that shows all that was asked for, and the shares of things and of colors."""
        right = np.stack([said[name] == rows[name] for name in self.columns])  # (columns, N)
        whole: NDArray[np.bool_] = right.all(axis=0)
        new = np.array([[pair not in self.seen for pair in each] for each in self.pairs(rows)]).any(axis=0)
        found = {"obeyed": whole.mean(), "things": right[::2].mean(), "colors": right[1::2].mean()}
        found |= {"unseen": whole[new].mean()} if new.any() else {}
        return {name: float(share) for name, share in found.items()}

    def metrics(self, predictions: Asked, dataset: Dataset) -> dict[str, float]:
        """How many pictures obey, how far they lie from real ones, and how many of those the reader reads right."""
        reading, real = self.reader.read(predictions.pictures), self.reader.read(dataset["image"])
        rates = self.obeyed(real.said, dataset)
        ceiling = {f"real_{name}": rates[name] for name in ("obeyed", "unseen") if name in rates}
        distance = frechet_distance(reading.features, real.features)
        return {**self.obeyed(reading.said, predictions.rows), "frechet_distance": distance, **ceiling}

    def validate(self, dataset: Dataset) -> dict[str, float]:
        """The loss on the first pictures, each at a step and with noise that never change, and a look at samples."""
        few, drawn = dataset.take(slice(500)), generator(self.seed)
        batch = self.collate(few)
        step = torch.randint(self.diffusion.learned, (len(few),), generator=drawn)
        with self.asking() as model:
            device = next(model.parameters()).device
            x = self.latents(batch["image"].to(device))
            noise = torch.randn(x.shape, generator=drawn).to(device)
            loss = self.error(x, step.to(device), batch["tokens"].to(device), noise, by=model).item()
        asked = self.of(few.take(slice(FEW)))
        said = self.obeyed(self.reader.read(asked.pictures).said, asked.rows)
        return {
            "validation_loss": loss,
            **{f"validation_{name}": said[name] for name in ("obeyed", "things", "colors")},
        }

    def report(self, run: Run[Any], predictions: Asked, dataset: Dataset, *, per_epoch: int) -> None:
        """Curves; pictures with their prompts, as they came and those that do not obey; what guidance costs."""
        figures.curves(run, per_epoch=per_epoch)
        said = self.reader.read(predictions.pictures).said
        rows, names = predictions.rows, self.columns
        wrong = np.flatnonzero(np.stack([said[name] != rows[name] for name in names]).any(axis=0))
        read = [", ".join(names[name][said[name][n]] for name in names) for n in range(len(rows))]
        figures.samples(run, predictions.pictures, rows["text"])
        figures.mistakes(run, predictions.pictures, rows["text"], read, wrong=wrong)
        some = dataset.take(slice(max(FEW, self.judged // 4)))
        real = self.reader.read(dataset["image"]).features
        prices = []
        for strength in STRENGTHS:
            reading = self.reader.read(self.of(some, guidance=strength).pictures)
            distance = frechet_distance(reading.features, real)
            prices.append({**self.obeyed(reading.said, some), "frechet_distance": distance})
        figures.price(run, STRENGTHS, prices)

    def spec(self, network: Built) -> ModelSpec:
        """Noisy latents, their step and the tokens of a prompt in, the prediction out; and how to sample with that."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={
                "x": {"shape": list(self.shape), "dtype": "float32"},
                "step": {"shape": [], "dtype": "int64", "high": self.diffusion.learned},
                "tokens": {"shape": [self.words.context], "dtype": "int64", "high": self.words.vocab_size},
            },
            outputs={"prediction": {"predicts": self.diffusion.predicts}},
            preprocessing={"diffusion": asdict(self.diffusion), "prompts": asdict(self.words)},
        )


def frozen_parts(
    run: Run[Any], network: Built, train: Dataset, words: PromptWords, text_steps: int, autoencoder_steps: int
) -> None:
    """Train what the U-Net is fed by, the text encoder and the autoencoder if there is one, and freeze it."""
    model, seed = cast(Network, network.module), run.config.seed
    contrast = partial(learn_by_contrast, model.text, train, words, seed=seed, steps=text_steps)
    frozen(run, "text encoder", model.text, lambda bar: contrast(bar=bar), steps=text_steps)
    if model.autoencoder is not None:
        compress = partial(learn_to_compress, model.autoencoder, train, seed=seed, steps=autoencoder_steps)
        frozen(run, "autoencoder", model.autoencoder, lambda bar: compress(bar=bar), steps=autoencoder_steps)
        measure_latents(model, train)


def shuffled_prompts(batch: Batch, generator: torch.Generator) -> Batch:
    """A batch whose words say nothing about its pictures: the prompts in any order."""
    order = torch.randperm(len(batch["tokens"]), generator=generator)
    return {**batch, "tokens": batch["tokens"][order]}
