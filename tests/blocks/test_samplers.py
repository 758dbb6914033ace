"""Schedules, steps and whole samplers beside diffusers', and samples that do not depend on their neighbours."""

import math
import os

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import numpy as np
import torch

from upslope.blocks.generative.add_noise import add_noise
from upslope.blocks.generative.denoising_steps import ddim_step, ddpm_step
from upslope.blocks.generative.guidance import guided
from upslope.blocks.generative.noise_schedules import alpha_bars
from upslope.blocks.generative.time_embedding import time_embedding
from upslope.blocks.samplers.denoise import Recipe, denoise
from upslope.blocks.samplers.path import path
from upslope.blocks.samplers.prediction import image_of, target
from upslope.blocks.samplers.samplers import DDIM, DDPM, SAMPLERS, DPMSolver, Euler

SCHEDULES = {"linear": (1e-4, 0.02), "scaled_linear": (0.00085, 0.012), "cosine": (1e-4, 0.02)}
PREDICTS = {"epsilon": "epsilon", "v": "v_prediction", "x0": "sample"}

# diffusers' own, with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


BESIDE_DIFFUSERS = pytest.mark.needs("diffusers")


@pytest.fixture(scope="module")
def diffusers():
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import diffusers

    return diffusers


def settings(schedule, predicts="epsilon", **more):
    """What their schedulers are made with; the schedules' numbers are theirs, in 32 bits."""
    first, last = SCHEDULES[schedule]
    kind = "squaredcos_cap_v2" if schedule == "cosine" else schedule
    said = {"num_train_timesteps": 1000, "beta_start": first, "beta_end": last, "beta_schedule": kind}
    return {**said, "prediction_type": PREDICTS[predicts], **more}


def exact(scheduler, schedule):
    """Their scheduler with alpha_bar in 64 bits: in 32 the last numbers of it are off by as much as is tested here."""
    scheduler.alphas_cumprod = alpha_bars(schedule)
    return scheduler


def network(x, step, label=None):
    """Predictions that depend on everything, smoothly, and stay in [-1, 1]."""
    told = torch.as_tensor(step, dtype=x.dtype).reshape(-1, 1, 1, 1)
    return torch.tanh(0.7 * x.flip(-1) + torch.sin(told / 300) + 0.1)


def noise(count, *, seed=0, dtype=torch.float64):
    return torch.randn(count, 1, 4, 4, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@BESIDE_DIFFUSERS
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_equal_diffusers(diffusers, schedule):
    theirs = diffusers.DDPMScheduler(**settings(schedule))
    torch.testing.assert_close(alpha_bars(schedule).float(), theirs.alphas_cumprod, rtol=3e-5, atol=1e-7)
    assert (alpha_bars(schedule).diff() < 0).all()


@BESIDE_DIFFUSERS
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_noise_and_velocity_equal_diffusers(diffusers, schedule):
    theirs = exact(diffusers.DDPMScheduler(**settings(schedule)), schedule)
    x, drawn, step = noise(5), noise(5, seed=1), torch.tensor([0, 1, 500, 998, 999])
    got = add_noise(x, drawn, step, alpha_bars(schedule))
    torch.testing.assert_close(got, theirs.add_noise(x, drawn, step), rtol=0, atol=1e-5)
    v = target("v", x, drawn, alpha_bars(schedule)[step])
    torch.testing.assert_close(v, theirs.get_velocity(x, drawn, step), rtol=0, atol=1e-5)


@pytest.mark.parametrize("predicts", PREDICTS)
def test_what_is_predicted_of_a_noisy_image_gives_the_image_back(predicts):
    x, drawn, kept = noise(3), noise(3, seed=1), alpha_bars("linear")[[400]]
    noisy = add_noise(x, drawn, torch.zeros(3, dtype=torch.long), kept)
    said = target(predicts, x, drawn, kept.expand(3))
    torch.testing.assert_close(image_of(predicts, said, noisy, alpha_bar=kept.item()), x)


@BESIDE_DIFFUSERS
def test_embedding_equals_diffusers(diffusers):
    from diffusers.models.embeddings import get_timestep_embedding

    step = torch.tensor([0, 1, 17, 500, 999])
    for dim in (4, 16, 128):
        theirs = get_timestep_embedding(step, dim, downscale_freq_shift=1)
        torch.testing.assert_close(
            time_embedding(step, dim), theirs, rtol=0, atol=1e-4
        )  # an angle of 1,000 has four digits behind the point
    with pytest.raises(ValueError, match="dim=5"):
        time_embedding(step, 5)


def pairs(ours, theirs, steps, *, after):
    """x after every step, ours and theirs, of the same network."""
    x = noise(6)
    others = x * theirs.init_noise_sigma
    sampler = ours()
    for (step, level, following), told in zip(steps, theirs.timesteps, strict=True):
        assert step == told
        said = network(x, step)
        image = image_of(after["predicts"], said, x, alpha_bar=level)
        image = image.clamp(-1, 1) if after["clip"] else image
        drawn = noise(6, seed=step)
        x = sampler(x, image, alpha_bar=level, alpha_bar_after=following, fresh=lambda drawn=drawn: drawn)
        others = after["step"](network(theirs.scale_model_input(others, told), step), told, others, drawn)
        yield x, others


@BESIDE_DIFFUSERS
@pytest.mark.parametrize("predicts", PREDICTS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    ("eta", "clip", "spacing"), [(0.0, True, "trailing"), (0.6, True, "leading"), (1, False, "leading")]
)
def test_ddim_equals_diffusers(diffusers, schedule, predicts, eta, clip, spacing):
    said = settings(schedule, predicts, clip_sample=clip, timestep_spacing=spacing, set_alpha_to_one=True)
    theirs = exact(diffusers.DDIMScheduler(**said), schedule)
    theirs.set_timesteps(20)

    def step(output, told, x, drawn):
        return theirs.step(
            output, told, x, eta=eta, use_clipped_model_output=True, variance_noise=drawn if eta else None
        ).prev_sample

    way = path(alpha_bars(schedule), 20, spacing=spacing)
    for got, expected in pairs(
        lambda: DDIM(eta), theirs, way, after={"predicts": predicts, "clip": clip, "step": step}
    ):
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


@BESIDE_DIFFUSERS
@pytest.mark.parametrize("predicts", PREDICTS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [20, 1000])
def test_ddpm_equals_diffusers(diffusers, schedule, predicts, steps, monkeypatch):
    from diffusers.schedulers import scheduling_ddpm

    theirs = diffusers.DDPMScheduler(**settings(schedule, predicts, timestep_spacing="leading"))
    theirs = exact(theirs, schedule)
    theirs.one = torch.tensor(1.0, dtype=torch.float64)
    theirs.set_timesteps(steps)
    given = []
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *_, **__: given[-1])

    def step(output, told, x, drawn):
        given.append(drawn)
        return theirs.step(output, int(told), x).prev_sample

    way = path(alpha_bars(schedule), steps, spacing="leading")
    for got, expected in pairs(DDPM, theirs, way, after={"predicts": predicts, "clip": True, "step": step}):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


@BESIDE_DIFFUSERS
@pytest.mark.parametrize("predicts", ["epsilon", "v", "x0"])
@pytest.mark.parametrize("schedule", ["linear", "scaled_linear"])
def test_euler_equals_diffusers(diffusers, schedule, predicts):
    """Theirs counts x in other units: an image plus sigma times noise. Of the cosine its last sigma is clipped."""
    theirs = diffusers.EulerDiscreteScheduler(**settings(schedule, predicts, timestep_spacing="trailing"))
    theirs = exact(theirs, schedule)
    theirs.set_timesteps(20)
    way = path(alpha_bars(schedule), 20)
    x = noise(6)
    others = x / math.sqrt(way.levels[0])
    sampler = Euler()
    for (number, level, following), told in zip(way, theirs.timesteps, strict=True):
        assert number == told
        image = image_of(predicts, network(x, number), x, alpha_bar=level)
        x = sampler(x, image, alpha_bar=level, alpha_bar_after=following, fresh=lambda: None)
        others = theirs.step(network(theirs.scale_model_input(others, told), number), told, others).prev_sample
        torch.testing.assert_close(x / math.sqrt(following), others.double(), rtol=1e-4, atol=1e-5)


@BESIDE_DIFFUSERS
@pytest.mark.parametrize("predicts", PREDICTS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [8, 20])
def test_dpm_solver_equals_diffusers(diffusers, schedule, predicts, steps):
    said = settings(schedule, predicts, timestep_spacing="trailing", algorithm_type="dpmsolver++", solver_order=2)
    theirs = exact(diffusers.DPMSolverMultistepScheduler(**said), schedule)
    theirs.set_timesteps(steps)

    def step(output, told, x, drawn):
        return theirs.step(output, told, x).prev_sample

    way = path(alpha_bars(schedule), steps)
    for got, expected in pairs(DPMSolver, theirs, way, after={"predicts": predicts, "clip": False, "step": step}):
        torch.testing.assert_close(got, expected.double(), rtol=1e-5, atol=1e-5)


def test_euler_is_ddim_and_ddpm_is_ddim_with_all_the_chance():
    x, image, fresh = noise(3), noise(3, seed=1), noise(3, seed=2)
    levels = {"alpha_bar": 0.36, "alpha_bar_after": 0.64}
    torch.testing.assert_close(Euler()(x, image, **levels, fresh=lambda: fresh), ddim_step(x, image, **levels))
    torch.testing.assert_close(
        ddpm_step(x, image, **levels, fresh=fresh), ddim_step(x, image, **levels, eta=1.0, fresh=fresh)
    )
    for step in (ddpm_step, ddim_step):
        with pytest.raises(ValueError, match=r"from 0\.64 to 0\.36"):
            step(x, image, alpha_bar=0.64, alpha_bar_after=0.36, fresh=fresh)


def test_dpm_solver_is_nearer_to_the_curve_than_ddim():
    """A Gaussian with a known score: x0 = x * sqrt(a) v / (a v + 1 - a), whose curve has a closed form."""
    spread = 0.25
    start = noise(4)
    way = path(alpha_bars("cosine"), 10)
    ends = {}
    for name, sampler in (("ddim", DDIM()), ("dpm", DPMSolver())):
        x = start
        for _, level, after in way:
            image = x * math.sqrt(level) * spread / (level * spread + 1 - level)
            x = sampler(x, image, alpha_bar=level, alpha_bar_after=after, fresh=lambda: None)
        first = way.levels[0]
        ends[name] = (x - start * math.sqrt(spread / (first * spread + 1 - first))).abs().max().item()
    assert ends["dpm"] < 0.5 * ends["ddim"]


def test_paths():
    levels = alpha_bars("linear")
    assert path(levels, 4).steps == (999, 749, 499, 249)
    assert path(levels, 4, spacing="leading").steps == (750, 500, 250, 0)
    assert path(levels, 1000).steps == path(levels, 1000, spacing="leading").steps == tuple(reversed(range(1000)))
    assert path(levels, 3).levels[-1] == 1
    with pytest.raises(ValueError, match="0 steps: there are 1 to 1000"):
        path(levels, 0)
    with pytest.raises(ValueError, match='no schedule "cubic"'):
        alpha_bars("cubic")


@pytest.mark.parametrize("name", SAMPLERS)
def test_each_step_draws_noise_of_its_own_or_none(name):
    """Draw 0 starts the samples; a sampler with chance draws once in each step, the others never again."""
    asked = []

    def drawn(draw):
        asked.append(draw)
        return noise(2, seed=draw)

    recipe = Recipe(path(alpha_bars("cosine"), 5), SAMPLERS[name], no_class=10)
    *_, last = denoise(network, drawn, torch.tensor([3, 4]), recipe)
    assert asked == ([0, 1, 2, 3, 4, 5] if SAMPLERS[name].draws else [0])
    assert last.x.isfinite().all()


def test_guidance_asks_once_or_twice():
    asked = []

    def predict(x, step, label):
        asked.append(label.tolist())
        return torch.zeros_like(x)

    way, labels = path(alpha_bars("cosine"), 2), torch.tensor([3, 4])
    for guidance in (0.0, 1.0):
        recipe = Recipe(way, DDIM, no_class=10, guidance=guidance)
        moments = list(denoise(predict, lambda draw: noise(2, seed=draw), labels, recipe))
        assert [moment.number for moment in moments] == [0, 1, 2]
        assert torch.equal(moments[-1].x, moments[-1].image)
    assert asked == [[3, 4]] * 2 + [[3, 4, 10, 10]] * 2


def test_worked_numbers():
    one = torch.ones(1, 1)
    noisy = add_noise(2 * one, -one, torch.tensor([1]), torch.tensor([0.64, 0.36]))
    assert noisy.item() == pytest.approx(0.4)
    levels = {"alpha_bar": 0.36, "alpha_bar_after": 0.64}
    assert ddim_step(one, one / 2, **levels).item() == pytest.approx(0.925)
    assert ddpm_step(one, one / 2, **levels, fresh=one).item() == pytest.approx(1.1914, abs=1e-4)
    assert guided(3 * one, one, guidance=1.5).item() == 6
    np.testing.assert_allclose(time_embedding(torch.tensor([2]), 4), [[0.9093, 0.0002, -0.4161, 1]], atol=1e-4)
