"""Object by object: lists of places, and a dictionary of who answers."""

import torch


def align_tasks(scores, boxes, middles, objects, labels, *, most=10, alpha=1.0, beta=6.0):
    with torch.no_grad():
        count, kinds = len(scores), len(objects)
        made = torch.zeros(count, kinds, dtype=scores.dtype)
        iou, worth = torch.zeros_like(made), torch.zeros_like(made)
        for m in range(kinds):
            thing = objects[m]
            low, high = torch.maximum(boxes[:, :2], thing[:2]), torch.minimum(boxes[:, 2:], thing[2:])
            shared = (high - low).clamp(min=0).prod(dim=1)
            size = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1) + (thing[2:] - thing[:2]).prod()
            iou[:, m] = shared / (size - shared)
            worth[:, m] = scores[:, labels[m]].pow(alpha) * iou[:, m].pow(beta)
        answering = {}
        for m in range(kinds):
            left, top, right, bottom = objects[m]
            x, y = middles[:, 0], middles[:, 1]
            (inside,) = torch.nonzero((x > left) & (x < right) & (y > top) & (y < bottom), as_tuple=True)
            order = inside[torch.argsort(worth[inside, m], descending=True)][:most]
            for n in order.tolist():
                if n not in answering or iou[n, m] > iou[n, answering[n]]:
                    answering[n] = m
        for m in range(kinds):
            own = [n for n, which in answering.items() if which == m]
            if own and worth[own, m].max() > 0:
                made[own, m] = worth[own, m] / worth[own, m].max() * iou[own, m].max()
        return made
