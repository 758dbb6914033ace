"""Generators that are asked for something: a pipeline declares what it takes, and prompts are understood or refused."""

import numpy as np
import pytest

from upslope.runs.errors import RunProblem
from upslope.runs.model_spec import ModelSpec
from upslope.ship.generated import ImageGenerator
from upslope.ship.pipelines.pipeline import LoadedModel, Options, UnreadableInput
from upslope.ship.prompts import UnclearPrompt, class_of
from upslope.training.numbered_noise import numbered_noise

DIGITS = tuple(map(str, range(10)))
CLOTHES = ("T-shirt", "trouser", "ankle boot")
LETTERS = ("a", "b", "B")


class Diffusion(ImageGenerator):
    """What a sampler in steps has to say: its options, and how the samples of a request are made."""

    tag = "class-conditional-image-generation"
    options = ImageGenerator.options | {"steps", "guidance"}

    def refuses(self, options):
        return f"--steps is at most 100, not {options.steps}" if (options.steps or 0) > 100 else ""

    def generate(self, request):
        asked = request.options
        x = numbered_noise(asked.numbers, (2, 2), seed=asked.seed)
        for step in range(1, (asked.steps or 20) + 1):
            x = x / 2 + numbered_noise(asked.numbers, (2, 2), seed=asked.seed, step=step)
        return 1 / (1 + np.exp(-x - (request.label or 0) * (1 + (asked.guidance or 0))))

    preprocess = rows = card = None


def pipeline(classes=DIGITS):
    spec = ModelSpec(
        task=Diffusion.tag,
        model="unet",
        arguments={},
        inputs={"x": {"shape": [1, 2, 2]}},
        outputs={"noise": {}},
        preprocessing={"classes": list(classes)},
    )
    return Diffusion(LoadedModel("ddpm-0001", spec, lambda inputs: inputs))


@pytest.mark.parametrize(
    ("prompt", "classes", "place"),
    [
        ("7", DIGITS, 7),
        ("seven", DIGITS, 7),
        ("a seven", DIGITS, 7),
        ("  The\nSEVEN ", DIGITS, 7),
        ("an ankle boot", CLOTHES, 2),
        ("t-shirt", CLOTHES, 0),
        ("a", LETTERS, 0),
        (" b ", LETTERS, 1),
        ("B", LETTERS, 2),
    ],
)
def test_a_prompt_names_a_class(prompt, classes, place):
    assert class_of(prompt, classes) == place


@pytest.mark.parametrize(
    ("prompt", "classes", "sentence"),
    [
        ("a sevn", DIGITS, '"sevn" is nothing that the network knows; did you mean seven?'),
        (
            "a giraffe",
            DIGITS,
            '"giraffe" is nothing that the network knows: ask for one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9',
        ),
        ("", CLOTHES, "the prompt is empty: ask for one of T-shirt, trouser, ankle boot"),
        (" \n ", CLOTHES, "the prompt is empty: ask for one of T-shirt, trouser, ankle boot"),
        ("the", CLOTHES, '"the" names nothing: ask for one of T-shirt, trouser, ankle boot'),
        ("twelve", CLOTHES, '"twelve" is nothing that the network knows: ask for one of T-shirt, trouser, ankle boot'),
        (
            "a red seven",
            DIGITS,
            'the prompt has 2 words, and the network makes one thing at a time: "red" is one too many',
        ),
        (
            "seven eight",
            DIGITS,
            "the prompt has 2 words, and the network makes one thing at a time: they name more than one",
        ),
        (
            "seven " * 499 + "cat",
            DIGITS,
            'the prompt has 500 words, and the network makes one thing at a time: "cat" is one too many',
        ),
    ],
)
def test_what_is_not_understood_is_one_sentence_with_the_word(prompt, classes, sentence):
    with pytest.raises(UnclearPrompt) as problem:
        class_of(prompt, classes)
    assert str(problem.value) == sentence


def test_a_long_word_does_not_fill_the_screen():
    with pytest.raises(UnclearPrompt) as problem:
        class_of("x" * 10_000, DIGITS)
    assert len(str(problem.value)) < 200


def test_each_prompt_has_samples_of_its_own():
    seven, unread, nine = pipeline().answers(["a seven", "a cat", "9"], Options(count=3, seed=4))
    assert (seven.request.label, nine.request.label) == (7, 9)
    assert isinstance(unread, UnreadableInput)
    assert '"cat"' in unread.reason
    assert seven.subject == '3 samples of "a seven" of seed 4'
    facts = seven.facts(Options())
    assert (facts["prompt"], facts["class"], facts["count"]) == ("a seven", 7, 3)
    names = [name for name, _ in pipeline().images([seven, nine])]
    assert names == [f"{digit}-seed4-000{number}" for digit in (7, 9) for number in range(3)]
    (comes,) = pipeline().answers([], Options(count=3, seed=4))
    assert comes.request.label is None
    assert not np.array_equal(comes.images, seven.images)


def test_an_ancestral_sample_does_not_depend_on_its_batch():
    (many,), (alone,) = (
        pipeline().answers([], Options(count=count, first=first, seed=3)) for count, first in ((64, 0), (1, 17))
    )
    np.testing.assert_allclose(alone.images[0], many.images[17], atol=1e-5)
    (other,) = pipeline().answers([], Options(count=1, first=17, seed=4))
    assert not np.allclose(alone.images, other.images, atol=1e-2)


def test_noise_is_normal_and_differs_from_step_to_step():
    noise = np.stack([numbered_noise(range(50), (20, 20), seed=0, step=step) for step in range(3)])
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert np.abs(np.corrcoef(noise.reshape(150, -1)) - np.eye(150)).max() < 0.3
    assert numbered_noise([], (3, 2), seed=0).shape == (0, 3, 2)
    assert np.array_equal(numbered_noise([17, 3], (20, 20), seed=0, step=2), noise[2, [17, 3]])


def test_options_are_what_the_pipeline_declares():
    asked = Options.chosen(pipeline(), {"count": 8, "seed": 3, "steps": 50, "guidance": 2.0})
    assert (asked.count, asked.seed, asked.steps, asked.guidance, asked.first) == (8, 3, 50, 2.0, 0)
    takes = "(options: --count, --first, --guidance, --out, --seed, --steps)"
    for given, sentence in (
        ({"length": 3}, f"--length does not apply to class-conditional-image-generation {takes}"),
        ({"steps": 0}, "--steps is at least 1, not 0"),
        ({"guidance": -1.0}, "--guidance is at least 0, not -1.0"),
        ({"guidance": float("nan")}, "--guidance is at least 0, not nan"),
        ({"guidance": float("inf")}, "--guidance is a number of ordinary size, not inf"),
        ({"count": 1, "steps": 101}, "--steps is at most 100, not 101"),
    ):
        with pytest.raises(RunProblem) as problem:
            Options.chosen(pipeline(), given)
        assert str(problem.value) == sentence


def test_pictures_in_colour_are_drawn_as_well():
    from upslope.ship.generated import contact_sheet

    figure = contact_sheet(np.random.default_rng(0).random((3, 4, 4, 3), dtype=np.float32))
    assert len(figure.axes[0].images) == 4
