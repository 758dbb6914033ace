"""A text encoder that learns what words mean by telling which prompt belongs to which picture.

A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
https://arxiv.org/abs/2103.00020, section 2.3: pictures and texts become vectors of length 1, and in a batch each
picture must be nearer to its own text than to the others, and each text to its picture. The image side is thrown away:
what is kept is a text encoder whose state at the end says what all pictures of the text have in common.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.data.loading.dataset import Dataset
from upslope.models.generative.clip_text import CLIPText
from upslope.runs.progress import Bar
from upslope.text.prompt_words import PromptWords
from upslope.training.prompt_reader import Trunk, as_images
from upslope.training.seeding import seeded

LR, WEIGHT_DECAY = 3e-3, 0.01
HOTTEST = 100.0  # of the factor on cosines: the paper clips it there


def learn_by_contrast(
    text: CLIPText, train: Dataset, words: PromptWords, *, seed: int, steps: int, bar: Bar, batch_size: int = 128
) -> None:
    """Train a text encoder in place, beside an image encoder that is forgotten; a function of the seed."""
    dim = text.tokens.embedding_dim
    with seeded(seed, steps):
        image_encoder, project = Trunk(train["image"].shape[1], dim), nn.Linear(dim, dim, bias=False)
        sharpness = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
    parameters = [*text.parameters(), *image_encoder.parameters(), *project.parameters(), sharpness]
    optimizer = torch.optim.AdamW(parameters, lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=steps, pct_start=0.1)
    rng = np.random.default_rng(seed)
    text.train()
    for step in range(1, steps + 1):
        rows = train.take(rng.integers(len(train), size=min(batch_size, len(train))))
        tokens = torch.tensor([words(prompt) for prompt in rows["text"]])
        seen = F.normalize(image_encoder(as_images(rows["image"])), dim=1)
        read = F.normalize(project(text.summary(tokens)), dim=1)
        loss: Any = contrastive_loss(sharpness.exp().clamp(max=HOTTEST) * seen @ read.T, tokens)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        bar.update(step, metrics={"loss": loss.item()})
    text.eval()


def contrastive_loss(cosines: Tensor, tokens: Tensor) -> Tensor:
    """Cross-entropy over rows and over columns, of equal weight; pictures with the same prompt share the target."""
    same = (tokens[:, None] == tokens[None]).all(dim=2).float()
    wanted = same / same.sum(dim=1, keepdim=True)
    return (F.cross_entropy(cosines, wanted) + F.cross_entropy(cosines.T, wanted)) / 2
