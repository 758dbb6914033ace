"""Linear layers with weights of eight bits: a quarter of the memory, and a quarter of what every token has to read.

T. Dettmers et al., "LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale", 2022,
https://arxiv.org/abs/2208.07339, section 3.1 (vector-wise quantization).

- Each row of a weight matrix has a scale of its own, w is about scale * q with whole q from -127 to 127; and so has
  each token: a few of them carry numbers a hundred times as large, which one scale for all would make everybody's.
- PyTorch's own kernel multiplies the whole numbers.
- Left out: features with outliers that stay in floating point.
"""

import warnings

import torch
from jaxtyping import Float, Int8
from torch import Tensor, nn


def quantize_rows(w: Float[Tensor, "O I"]) -> tuple[Int8[Tensor, "O I"], Float[Tensor, "O"]]:
    """(q, scale): weights as whole numbers from -127 to 127, int8, and a float32 scale for each row, w about scale * q.

    scale = max|w| / 127 over the row, and q = w / scale, rounded to the nearest whole number: the largest number of a
    row becomes 127 or -127, 0 stays 0, and nothing is off by more than half a scale. A row of zeros becomes zeros; its
    scale is positive all the same. Halves (float16, bfloat16) are brought to float32 first: in bfloat16 w / scale may
    come to 127.5, which is 128 when rounded, and -128 in int8. quantize_rows([[0.5, -1.27, 0.006], [100, 26, -254]]) is
    [[50, -127, 1], [50, 13, -127]] with the scales [0.01, 2]. Dettmers et al. 2022, section 2 (absmax quantization) and
    3.1.
    """
    w = w.float()
    # The sign is a bit of its own, so the largest absolute value counts; -128 is left out, and 0 lies in the middle.
    scale = w.abs().amax(dim=1) / 127
    # A row of zeros is divided by the smallest number that a float32 holds in full.
    scale = scale.clamp(min=torch.finfo(torch.float32).tiny)
    # To the nearest: cutting off would draw every weight towards 0.
    return (w / scale[:, None]).round().to(torch.int8), scale


class Int8Linear(nn.Module):
    """A linear layer without bias, for inference: its weights in int8, inputs and outputs in float32."""

    def __init__(self, weight: Float[Tensor, "O I"]) -> None:
        super().__init__()
        q, scale = quantize_rows(weight.detach())
        with warnings.catch_warnings():
            # PyTorch wants quantised tensors to come from torchao one day; the kernel itself stays.
            warnings.simplefilter("ignore")
            zero = torch.zeros(len(scale), dtype=torch.int64)
            packed = torch._make_per_channel_quantized_tensor(q, scale.double(), zero, 0)
            self.packed = torch.ops.quantized.linear_prepack(packed, None)
        # Processors without VNNI add products in 16 bits, where seven bits of the input are safe.
        self.reduced = not torch.cpu._is_vnni_supported()

    def forward(self, x: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
        # The kernel takes one scale from all of its input: with every row brought to the same size it is each row's.
        size = x.abs().amax(dim=-1, keepdim=True).clamp(min=1e-20)
        return torch.ops.quantized.linear_dynamic(x / size, self.packed, self.reduced) * size


def with_int8(model: nn.Module) -> nn.Module:
    """The same model with all linear layers without bias in int8; a head that is the embedding gets its own weights."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear) and "bias" not in dict(child.named_parameters()):
                setattr(module, name, Int8Linear(child.weight))
    if getattr(model, "head", model) is None and isinstance(model.embedding, nn.Embedding):
        model.head = Int8Linear(model.embedding.weight)
    return model
