"""The text encoder of CLIP, which tells Stable Diffusion what a prompt says: a state for each word.

A. Radford, J. W. Kim, C. Hallacy et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
https://arxiv.org/abs/2103.00020, section 2.4.

- A Transformer with a causal mask and the norms in front, as GPT-2, with learned positions.
- Every text is as long as the context: behind its end token come further ones.
- The state at the first end token has seen the whole text; in CLIP it alone meets the image. Diffusion reads them all.
- The MLP's nonlinearity is x * sigmoid(1.702 x), a quick GELU.
- Left out: the image encoder, and the projection behind the state at the end.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.blocks.language.masks import causal_mask
from upslope.blocks.norms import LayerNorm
from upslope.blocks.transformer import EncoderBlock
from upslope.cards import File, Input, ModelCard, Size, Weights


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x): D. Hendrycks, K. Gimpel 2016, https://arxiv.org/abs/1606.08415, section 2."""

    def forward(self, x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        return x * (1.702 * x).sigmoid()


class CLIPText(nn.Module):
    """Tokens (B, T) to their states (B, T, dim), each of which knows what stands before it."""

    def __init__(
        self,
        *,
        vocab_size: int = 49_408,
        context: int = 77,
        dim: int = 768,
        depth: int = 12,
        heads: int = 12,
    ) -> None:
        """The last token of the vocabulary ends a text."""
        super().__init__()
        self.context, self.end = context, vocab_size - 1
        self.tokens = nn.Embedding(vocab_size, dim)
        self.positions = nn.Embedding(context, dim)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.positions.weight, std=0.01)
        blocks = [EncoderBlock(dim, heads=heads, eps=1e-5, fused=True) for _ in range(depth)]
        for block in blocks:
            block.mlp[1] = QuickGELU()
        self.blocks = nn.ModuleList(blocks)
        self.norm = LayerNorm(dim, eps=1e-5, fused=True)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        length = tokens.shape[1]
        if length > self.context:
            raise ValueError(f"{length} tokens for a text encoder of context={self.context}")
        x = self.tokens(tokens) + self.positions.weight[:length]
        mask = causal_mask(length, device=tokens.device)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)

    def summary(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B D"]:
        """The state at the first end token of each text."""
        first = (tokens == self.end).int().argmax(dim=1)
        return self(tokens)[torch.arange(len(tokens), device=tokens.device), first]


HUGGINGFACE = (  # its keys, and ours; older files hold the numbers 0 to 76
    (r"(?:text_model\.)?embeddings\.position_ids", ""),
    (r"(?:text_model\.)?embeddings\.token_embedding\.weight", r"tokens.weight"),
    (r"(?:text_model\.)?embeddings\.position_embedding\.weight", r"positions.weight"),
    (r"(?:text_model\.)?encoder\.layers\.(\d+)\.layer_norm(\d)\.(.+)", r"blocks.\1.norm\2.\3"),
    (r"(?:text_model\.)?encoder\.layers\.(\d+)\.self_attn\.q_proj\.(.+)", r"blocks.\1.attention.qkv.\2[1/3]"),
    (r"(?:text_model\.)?encoder\.layers\.(\d+)\.self_attn\.k_proj\.(.+)", r"blocks.\1.attention.qkv.\2[2/3]"),
    (r"(?:text_model\.)?encoder\.layers\.(\d+)\.self_attn\.v_proj\.(.+)", r"blocks.\1.attention.qkv.\2[3/3]"),
    (r"(?:text_model\.)?encoder\.layers\.(\d+)\.self_attn\.out_proj\.(.+)", r"blocks.\1.attention.projection.\2"),
    (r"(?:text_model\.)?encoder\.layers\.(\d+)\.mlp\.fc1\.(.+)", r"blocks.\1.mlp.0.\2"),
    (r"(?:text_model\.)?encoder\.layers\.(\d+)\.mlp\.fc2\.(.+)", r"blocks.\1.mlp.3.\2"),
    (r"(?:text_model\.)?final_layer_norm\.(.+)", r"norm.\1"),
)

CARD = ModelCard(
    name="clip_text",
    title="CLIP's text encoder",
    paper="Radford et al. 2021",
    link="https://arxiv.org/abs/2103.00020",
    domain="generative",
    builder="CLIPText",
    causal=True,
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "context": 8, "dim": 32, "depth": 2, "heads": 4},
            inputs=(Input((8,), "int64", high=20),),
            output=(8, 32),
        ),
        "clip-vit-large-patch14-text": Size(
            arguments={},
            inputs=(Input((77,), "int64", high=49_408),),
            output=(77, 768),
            parameters=123_060_480,
            counted_by="transformers, CLIPTextModel of openai/clip-vit-large-patch14",
            weights=(
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="stable-diffusion-v1-5-text-encoder.safetensors",
                        sha256="d008943c017f0092921106440254dbbe00b6a285f7883ec8ba160c3faad88334",
                        size=492_265_874,
                        urls=(
                            "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/resolve/main/text_encoder/model.safetensors",
                        ),
                    ),
                    keys=HUGGINGFACE,
                    licence="CreativeML OpenRAIL-M",
                    note="stable-diffusion-v1-5/stable-diffusion-v1-5",
                ),
            ),
        ),
    },
)
