"""With a mask of each row's own class, over all cosines at once."""

import math

import torch


def arcface_logits(embeddings, centers, labels, *, margin=0.5, scale=64.0, easy_margin=False):
    if margin < 0 or margin >= math.pi:
        raise ValueError(f"margin={margin:g} is not in [0, pi)")
    lengths = embeddings.norm(dim=1, keepdim=True) * centers.norm(dim=1)
    cosines = embeddings @ centers.T / lengths
    squares = 1 - cosines**2
    sines = torch.sqrt(torch.where(squares > 1e-12, squares, torch.full_like(squares, 1e-12)))
    with_margin = cosines * math.cos(margin) - sines * math.sin(margin)
    if easy_margin:
        with_margin = torch.where(cosines > 0, with_margin, cosines)
    else:
        line = cosines - margin * math.sin(margin)
        with_margin = torch.where(cosines > math.cos(math.pi - margin), with_margin, line)
    own = torch.arange(len(centers)) == labels[:, None]
    return scale * torch.where(own, with_margin, cosines)
