"""First weights of Transformers over text: small ones, so that a deep sum begins near its embedding.

J. Devlin et al. 2018, https://arxiv.org/abs/1810.04805, by the authors' code: a normal distribution of standard
deviation 0.02, cut off at twice that.
"""

from torch import nn


def initialize_small(module: nn.Module, *, std: float = 0.02) -> None:
    """Weights of linear layers and embeddings drawn again, biases 0; for `model.apply`, norms stay as they are."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
