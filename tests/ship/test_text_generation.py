"""Texts go on in the same way from a run and from every file of it, with a cache and without."""

import io
import json

import numpy as np
import pytest

from upslope.cards import discover
from upslope.cli.main import main
from upslope.runs.config import LabConfig
from upslope.runs.errors import RunProblem
from upslope.runs.model_spec import ModelSpec
from upslope.runs.run import Run
from upslope.ship.export import export
from upslope.ship.formats import FORMATS
from upslope.ship.pipelines.pipeline import Options, UnreadableInput
from upslope.ship.pipelines.text_generation import TextGeneration
from upslope.ship.predictor import load

pytestmark = pytest.mark.needs("torch", "onnx")
ALPHABET = "\nabcdefghijklmno .:"  # 19, and "q"


@pytest.fixture(scope="module")
def written_run(tmp_path_factory):
    """The folder of a run that ended with a small GPT, as it was drawn."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("lightning")
    from upslope.models.build import built
    from upslope.training.state import arrays

    network = built("gpt-toy", seed=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for parameter in network.module.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    card = discover("labs")["gpt"].card
    run = Run.create(card, LabConfig(), root=tmp_path_factory.mktemp("runs"), quiet=True)
    spec = ModelSpec(
        task="text-generation",
        model="gpt",
        arguments=network.arguments,
        inputs={"tokens": {"shape": [16], "dtype": "int64", "high": 20}},
        outputs={"logits": {"shape": [16, 20]}},
        preprocessing={"alphabet": f"{ALPHABET}q", "context": 16},
    )
    run.save_model(arrays(network.module), spec)
    run.finish({"test_loss": 3.0})
    return run.folder


def texts(word, *prompts, **options):
    return [answer.continuation for answer in load(str(word)).answers(prompts, Options(**options))]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_exported_file_writes_what_the_run_writes(kind, written_run, tmp_path):
    """Beyond the context of 16 as well. ONNX and pt2 have no cache."""
    exported = export(written_run, kind, out=tmp_path, say=lambda what: None)
    assert exported.difference < 1e-4
    settings = {"length": 40, "count": 2, "seed": 5, "temperature": 0.9}
    prompts = ("abc: ", "a", "q" * 30)
    expected = texts(written_run, *prompts, **settings)
    assert len({*expected}) == 6
    assert all(len(text) == 40 for text in expected)
    assert texts(exported.path, *prompts, **settings) == expected


def test_temperature_0_is_the_likeliest_and_a_seed_decides_otherwise(written_run):
    assert texts(written_run, "abc", temperature=0.0, seed=1) == texts(written_run, "abc", temperature=0.0, seed=2)
    assert texts(written_run, "abc", seed=1) == texts(written_run, "abc", seed=1) != texts(written_run, "abc", seed=2)


def test_the_cache_changes_nothing(written_run, monkeypatch):
    expected = texts(written_run, "abc", length=50)
    monkeypatch.setattr(TextGeneration, "reader", lambda self: self._whole_window)
    assert texts(written_run, "abc", length=50) == expected


def test_a_chat_with_a_run_goes_on_as_predict_does_and_says_what_it_is(written_run):
    """Also beyond the context of 16; the line break ends what the person typed."""
    from upslope.ship.language.conversation import Conversation
    from upslope.ship.language.loading import load as language_model
    from upslope.ship.language.settings import GenerationSettings

    model = language_model(str(written_run))
    assert "it continues texts and does not converse" in model.about
    talk = Conversation(model)
    settings = GenerationSettings(temperature=0, max_tokens=40)
    for prompt in ("abc", "q" * 30):
        expected = texts(written_run, prompt + "\n", length=40, temperature=0.0)[0]
        assert "".join(piece.text for piece in talk.say(prompt, settings)) == expected
        talk.reset()
    with pytest.raises(RunProblem, match="the text holds '!', which the model does not know"):
        talk.say("a!", settings)


def test_files_and_standard_input_are_read(written_run, tmp_path, monkeypatch):
    path = tmp_path / "prompt.txt"
    path.write_text("abc")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"abc")))
    typed, file, pipe, nothing, empty = load(str(written_run)).answers(["abc", str(path), "-", "\n", ""], Options())
    assert typed.continuation == file.continuation == pipe.continuation
    assert (typed.subject, pipe.subject) == ("", "standard input")
    assert file.subject.endswith("prompt.txt")
    assert nothing.continuation == empty.continuation != typed.continuation
    assert texts(written_run) == [nothing.continuation]


def test_what_cannot_be_read_is_said_in_a_sentence(written_run, tmp_path, monkeypatch):
    damaged = tmp_path / "damaged.txt"
    damaged.write_bytes(b"\xff\xfe")
    large = tmp_path / "large.txt"
    large.write_bytes(b"a" * 10_000_001)
    words = ["aXb€", "a\ud800", str(damaged), str(large), "a"]
    *unread, answer = load(str(written_run)).answers(words, Options(length=3))
    assert all(isinstance(one, UnreadableInput) for one in unread)
    reasons = ("'X' '€'", r"'\ud800'", "not UTF-8 text", "more than 10,000,000 bytes")
    for one, said in zip(unread, reasons, strict=True):
        assert said in one.reason
        assert "\n" not in one.reason
    assert len(answer.continuation) == 3


def test_a_prompt_beyond_the_context_is_said(written_run):
    long, short = load(str(written_run)).answers(["a" * 40, "a" * 15], Options(length=2))
    assert long.doubt == "of the 40 characters the model read the last 8"
    assert short.doubt == ""


def test_predict_prints_and_gives_json(written_run, tmp_path, capsys):
    folder = str(written_run)
    assert main(["predict", folder, "abc:", "--length", "20", "--seed", "3", "--show", str(tmp_path / "t.png")]) == 0
    said = capsys.readouterr().out
    assert "abc:" in said
    assert (tmp_path / "t.png").stat().st_size > 1000
    assert main(["predict", folder, "abc:", "--length", "20", "--seed", "3", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert (answer["prompt"], len(answer["text"]), answer["seed"]) == ("abc:", 20, 3)
    assert answer["text"].splitlines()[0].strip() in said
    assert main(["predict", folder, "--top", "2"]) == 2
    assert "--top does not apply to text-generation" in capsys.readouterr().err


def test_an_export_is_compared_on_windows_of_a_text(written_run):
    from upslope.data.loading.dataset import Dataset
    from upslope.features import Text

    data = Dataset({"text": ("abc\n", "q" * 30, "\n")}, {"text": Text()})
    rows = load(str(written_run)).rows(data)["tokens"]
    assert rows.shape == (2, 16)
    assert "".join(f"{ALPHABET}q"[token] for token in rows.ravel()) == ("abc\n" + "q" * 30)[:32]
    few = load(str(written_run)).rows(Dataset({"text": ("ab",)}, {"text": Text()}))["tokens"]
    assert np.array_equal(few, [[1, 2] + [0] * 14])


@pytest.fixture(scope="module")
def repeating_run(tmp_path_factory):
    """The folder of a run of the lab `induction`, whose alphabet has no line break, as its network was drawn."""
    from upslope.models.build import built
    from upslope.training.state import arrays
    from upslope.training.tasks.repeated_text import RepeatedText

    network = built("attention-only-2", seed=1)
    card = discover("labs")["induction"].card
    run = Run.create(card, LabConfig(), root=tmp_path_factory.mktemp("runs"), quiet=True)
    run.save_model(arrays(network.module), RepeatedText(network.module).spec(network))
    run.finish({"test_repeated_accuracy": 0.1})
    return run.folder


def test_a_model_that_knows_no_line_break_begins_with_what_it_knows(repeating_run):
    (answer,) = load(str(repeating_run)).answers([], Options(length=5, temperature=0))
    assert answer.prompt == "a"
    assert len(answer.continuation) == 5


def test_a_spec_says_what_to_type(repeating_run, written_run):
    for folder, example in ((repeating_run, "upslOPEups --temperature 0 --length 4"), (written_run, '"ROMEO:"')):
        pipeline = load(str(folder))
        assert pipeline.example_for(pipeline.spec) == example


def test_a_model_without_a_cache_is_no_partner_in_a_chat(repeating_run):
    from upslope.ship.language import loading

    with pytest.raises(RunProblem, match="keeps no cache and cannot chat: upslope predict"):
        loading.load(str(repeating_run))
