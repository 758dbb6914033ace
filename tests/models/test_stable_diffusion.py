"""Stable Diffusion's three networks beside those of diffusers and transformers: same weights, answers, gradients."""

import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.models.build import build
from upslope.models.checkpoints import translate
from upslope.models.generative import autoencoder_kl, clip_text, stable_diffusion
from upslope.models.generative.text_to_image import TextToImage


@pytest.fixture(scope="module")
def peers():
    """Both libraries, kept from the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield (
            pytest.importorskip("diffusers", reason="the networks are compared with its own"),
            pytest.importorskip("transformers", reason="the text encoder is compared with its own"),
        )


def shaken(module):
    """Weights far from those of a fresh network, in which many mistakes do not show."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module.eval()


def taken_over(ours, theirs, rules):
    """Our network with the weights of the other one, by the rules of the card."""
    ours.load_state_dict(translate(theirs.state_dict(), rules, ours.state_dict(), name="theirs"))
    return ours.eval()


def same(ours, theirs, outputs, rules):
    """Answers within 1e-4, and after one backward pass every gradient within 1e-3, laid out as ours are."""
    for got, expected in outputs:
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)
    got, expected = outputs[0]
    upstream = torch.randn_like(got)
    got.backward(upstream)
    expected.backward(upstream)
    found = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    gradients = translate(found, rules, dict(ours.named_parameters()), name="gradients")
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-3, atol=1e-3, msg=lambda m, n=name: n + m)


@pytest.mark.parametrize("blocks", [1, 2])
def test_the_autoencoder_is_diffusers(peers, blocks):
    torch.manual_seed(0)
    diffusers, _ = peers
    theirs = shaken(
        diffusers.AutoencoderKL(
            block_out_channels=(8, 12, 16),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            layers_per_block=blocks,
            latent_channels=3,
            norm_num_groups=4,
        )
    )
    ours = autoencoder_kl.AutoencoderKL(widths=(8, 12, 16), blocks=blocks, latent=3, groups=4)
    taken_over(ours, theirs, autoencoder_kl.DIFFUSERS)
    x = torch.randn(2, 3, 16, 16)
    got, told = ours(x), theirs.encode(x).latent_dist
    pairs = [(got.reconstruction, theirs(x).sample), (got.mean, told.mean), (got.log_variance, told.logvar)]
    same(ours, theirs, pairs, autoencoder_kl.DIFFUSERS)


def test_noise_is_drawn_in_training_and_by_hand():
    torch.manual_seed(0)
    model = build("autoencoder_kl-toy")
    x = torch.rand(2, 3, 8, 8) * 2 - 1
    assert not torch.equal(model(x).reconstruction, model(x).reconstruction)
    model.eval()
    plain = model(x)
    assert torch.equal(plain.reconstruction, model(x, noise=torch.zeros_like(plain.mean)).reconstruction)
    noise = torch.randn_like(plain.mean)
    z = plain.mean + (plain.log_variance / 2).exp() * noise
    torch.testing.assert_close(model(x, noise=noise).reconstruction, model.decode(z))
    with pytest.raises(ValueError, match="images of 7 x 8: 2 must divide both sides"):
        model(x[:, :, :7])


@pytest.mark.parametrize(("blocks", "attention"), [(2, (0, 1)), (1, (0,))])
def test_the_unet_is_diffusers(peers, blocks, attention):
    torch.manual_seed(0)
    diffusers, _ = peers
    down = ["CrossAttnDownBlock2D" if number in attention else "DownBlock2D" for number in range(3)]
    theirs = shaken(
        diffusers.UNet2DConditionModel(
            block_out_channels=(8, 16, 24),
            down_block_types=tuple(down),
            up_block_types=tuple(name.replace("Down", "Up") for name in reversed(down)),
            layers_per_block=blocks,
            cross_attention_dim=6,
            attention_head_dim=2,
            norm_num_groups=4,
        )
    )
    settings = {"blocks": blocks, "attention": attention, "heads": 2, "context_dim": 6, "groups": 4}
    ours = stable_diffusion.UNet(widths=(8, 16, 24), **settings)
    taken_over(ours, theirs, stable_diffusion.DIFFUSERS)
    x, step, context = torch.randn(3, 4, 16, 16), torch.tensor([0, 400, 999]), torch.randn(3, 5, 6)
    pairs = [(ours(x, step, context), theirs(x, step, encoder_hidden_states=context).sample)]
    same(ours, theirs, pairs, stable_diffusion.DIFFUSERS)


def test_the_text_encoder_is_transformers(peers):
    torch.manual_seed(0)
    _, transformers = peers
    about = {"vocab_size": 30, "max_position_embeddings": 9, "hidden_size": 16, "intermediate_size": 64}
    about |= {"num_hidden_layers": 2, "num_attention_heads": 4, "bos_token_id": 28, "eos_token_id": 29}
    theirs = shaken(transformers.CLIPTextModel(transformers.CLIPTextConfig(**about)))
    ours = clip_text.CLIPText(vocab_size=30, context=9, dim=16, depth=2, heads=4)
    taken_over(ours, theirs, clip_text.HUGGINGFACE)
    tokens = torch.tensor([[28, 3, 7, 29, 29, 29, 29, 29, 29], [28, 1, 2, 3, 4, 5, 6, 7, 29]])
    said = theirs(tokens)
    pairs = [(ours(tokens), said.last_hidden_state), (ours.summary(tokens), said.pooler_output)]
    same(ours, theirs, pairs, clip_text.HUGGINGFACE)


def test_a_prompt_is_heard_by_cross_attention_only():
    torch.manual_seed(0)
    settings = {"widths": (8, 12), "blocks": 1, "attention": (0,), "heads": 2, "groups": 4}
    x, step = torch.randn(2, 4, 8, 8), torch.tensor([10, 900])
    one, other = torch.randn(2, 5, 6), torch.randn(2, 3, 6)
    heard = shaken(stable_diffusion.UNet(context_dim=6, **settings))
    assert not torch.allclose(heard(x, step, one), heard(x, step, other))
    deaf = shaken(stable_diffusion.UNet(context_dim=0, **settings))
    assert torch.equal(deaf(x, step, one), deaf(x, step, other))
    assert not any("cross" in name for name in deaf.state_dict())


def test_a_fresh_unet_predicts_nothing_and_refuses_odd_sides():
    torch.manual_seed(0)
    model = build("stable_diffusion-toy")
    x, step, context = torch.randn(1, 4, 8, 8), torch.tensor([3]), torch.randn(1, 5, 6)
    assert not model(x, step, context).any()
    with pytest.raises(ValueError, match="latents of 7 x 8: 2 must divide both sides"):
        model(x[:, :, :7], step, context)
    with pytest.raises(ValueError, match="9 tokens for a text encoder of context=8"):
        build("clip_text-toy")(torch.zeros(1, 9, dtype=torch.int64))


def test_latents_are_scaled_and_pixels_are_left_alone():
    torch.manual_seed(0)
    small = {"widths": (8, 12), "blocks": 1, "groups": 4}
    text = {"vocab_size": 12, "context": 5, "dim": 8, "depth": 1, "heads": 2}
    unet = {**small, "attention": (0,), "heads": 2, "context_dim": 8}
    plain = TextToImage(text=text, unet={**unet, "channels": 3})
    images = torch.rand(2, 3, 8, 8)
    assert plain.encode(images) is images
    assert plain.decode(images) is images
    latent = TextToImage(text=text, unet=unet, autoencoder={**small, "latent": 4}).eval()
    latent.scale.fill_(2.5)
    x = latent.encode(images)
    torch.testing.assert_close(x, 2.5 * latent.autoencoder(images).mean)
    torch.testing.assert_close(latent.decode(x), latent.autoencoder(images).reconstruction)
    tokens = torch.tensor([[0, 2, 3, 11, 11]] * 2)
    step = torch.tensor([1, 2])
    assert torch.equal(latent(x, step, tokens), latent.unet(x, step, latent.text(tokens)))
