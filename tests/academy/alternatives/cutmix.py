"""With a mask of the box, and its mean as the share."""

import torch


def cutmix(images, targets, *, partners, share, center):
    inside = torch.ones(images.shape[2:], dtype=torch.bool)
    for axis, (size, middle) in enumerate(zip(images.shape[2:], center, strict=True)):
        length = int(size * (1 - share) ** 0.5)
        place = torch.arange(size) - (middle - length // 2)
        within = (place >= 0) & (place < length)
        inside &= within[:, None] if axis == 0 else within[None]
    mixed = torch.where(inside, images[partners], images)
    lost = inside.sum().item() / inside.numel()
    return mixed, (1 - lost) * targets + lost * targets[partners]
