"""Row by row."""

import torch


def mixup(images, targets, *, partners, shares):
    pictures, wanted = [], []
    for i, (partner, share) in enumerate(zip(partners.tolist(), shares, strict=True)):
        pictures.append(images[i] * share + images[partner] * (1 - share))
        wanted.append(targets[i] * share + targets[partner] * (1 - share))
    return torch.stack(pictures), torch.stack(wanted)
