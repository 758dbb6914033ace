"""Sample by sample, stacked at the end."""

import torch


def add_noise(x, noise, step, alpha_bars):
    done = []
    for clean, drawn, t in zip(x, noise, step.tolist(), strict=True):
        level = alpha_bars[t]
        done.append(level**0.5 * clean + (1 - level) ** 0.5 * drawn)
    return torch.stack(done)
