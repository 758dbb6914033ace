"""Whatever a sound file looks like, the network is shown the same spectrogram, and each answer stands by its file."""

import json

import numpy as np
import pytest
from scipy.io import wavfile

from upslope.data.fsdd import CARD, DIGITS, RATE, glide, toy
from upslope.runs.model_spec import ModelSpec
from upslope.ship.pipelines.audio_classification import AudioClassification
from upslope.ship.pipelines.pipeline import LoadedModel, Options, Prediction, Remark, UnreadableInput, pipeline_of
from upslope.sound.preprocess import FrontEnd, spectrogram
from upslope.sound.resample import resample

FRONT = FrontEnd()


@pytest.fixture
def shown():
    """The spectrograms that the network was asked about."""
    return []


@pytest.fixture
def pipeline(shown):
    """A network that multiplies by a matrix."""
    weights = np.random.default_rng(1).normal(size=(FRONT.n_mels * FRONT.frames, 10)) / 20

    def forward(inputs):
        shown.extend(inputs["spectrogram"])
        flat = inputs["spectrogram"].reshape(len(inputs["spectrogram"]), -1)
        return {"logits": (flat @ weights).astype(np.float32)}

    spec = ModelSpec(
        task="audio-classification",
        model="matrix",
        arguments={},
        inputs={"spectrogram": {"shape": [FRONT.n_mels, FRONT.frames], "dtype": "float32"}},
        outputs={"logits": {"classes": list(DIGITS)}},
        preprocessing=FRONT.to_json(),
        data="toy",
    )
    return AudioClassification(
        LoadedModel("matrix-0001", ModelSpec.from_json(json.loads(json.dumps(spec.to_json()))), forward)
    )


@pytest.fixture
def voice():
    return glide(3, 2, rng=np.random.default_rng(4))


@pytest.fixture
def write(tmp_path):
    def written(name, rate, samples):
        wavfile.write(tmp_path / name, rate, samples)
        return str(tmp_path / name)

    return written


def test_it_is_found_by_its_tag():
    assert pipeline_of("audio-classification") is AudioClassification


def test_the_network_sees_what_training_showed_it(pipeline, shown, voice, write):
    (answer,) = pipeline.answers([write("x.wav", RATE, voice)])
    np.testing.assert_array_equal(shown[0], spectrogram(voice, FRONT))
    assert sum(answer.probabilities) == pytest.approx(1)
    assert list(answer.probabilities) == sorted(answer.probabilities, reverse=True)
    assert not answer.doubt or "no class stands out" in answer.doubt


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_rate_width_and_channels_make_little_difference(pipeline, shown, voice, write, rate, dtype):
    x = resample(voice, RATE, rate) * 0.9
    scale = {"uint8": 127, "int16": 32767, "int32": 2**31 - 129}.get(dtype)
    stored = x if scale is None else np.round(x.astype(np.float64) * scale + (128 if dtype == "uint8" else 0))
    stored = stored.astype(dtype)
    (_,) = pipeline.answers([write("x.wav", rate, np.stack([stored, stored], axis=1))])
    # Eight bits leave a noise 50 dB down; near half the rate the filters cut; the voice itself lies where it lay.
    loud = spectrogram(voice, FRONT) > 0
    assert np.abs(shown[0] - spectrogram(voice, FRONT))[loud].max() < 0.1


def test_a_folder_and_what_cannot_be_read(pipeline, voice, write, tmp_path):
    write("b.wav", RATE, voice)
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "c.wav").write_text("this is no sound at all")
    (tmp_path / "notes.txt").write_text("passed over")
    empty, fine, text, others, absent = pipeline.answers([str(tmp_path), str(tmp_path / "d.wav")])
    assert isinstance(empty, UnreadableInput)
    assert "is empty: 0 bytes" in empty.reason
    assert isinstance(fine, Prediction)
    assert fine.subject.endswith("b.wav")
    assert isinstance(text, UnreadableInput)
    assert "is not a WAV file" in text.reason
    assert isinstance(others, Remark)
    assert others.sentence == f"1 in {tmp_path} left out, as their names are not read here: 1 .txt"
    assert isinstance(absent, UnreadableInput)
    (tmp_path / "nothing").mkdir()
    (none,) = pipeline.answers([str(tmp_path / "nothing")])
    assert "holds no WAV files" in none.reason


def test_doubts(pipeline, voice, write):
    silent = write("silent.wav", RATE, np.zeros(RATE, np.int16))
    pause = np.zeros(3 * RATE, np.float32)
    long = write("long.wav", RATE, np.concatenate([voice, pause, voice]))
    one, two = pipeline.answers([silent, long])
    assert "is silent" in one.doubt
    assert "only the loudest 1.0 of" in two.doubt
    assert two.facts(Options())["seconds"] == pytest.approx(3 + 2 * len(voice) / RATE, abs=1e-3)


def test_facts_are_json(pipeline, voice, write):
    (answer,) = pipeline.answers([write("x.wav", RATE, voice)])
    facts = json.loads(json.dumps(answer.facts(Options(top=2))))
    assert facts["answer"] in DIGITS
    assert next(iter(facts["probabilities"])) == facts["answer"]
    assert len(facts["probabilities"]) == 2
    assert [name for name, _, _ in answer.rows(Options(top=4))] == list(answer.classes[:4])


def test_samples_to_compare_an_export_on(pipeline):
    inputs, source = pipeline.samples(5)
    assert inputs["spectrogram"].shape == (5, FRONT.n_mels, FRONT.frames)
    assert source == f"generated sounds like those of {CARD.name}"
    made = toy(rng=np.random.default_rng(0), count=5)
    np.testing.assert_array_equal(inputs["spectrogram"][2], spectrogram(made["audio"][2], FRONT))


def test_the_drawing(pipeline, voice, write):
    files = [write(f"{n}.wav", RATE, voice) for n in range(4)]
    figure = pipeline.draw(list(pipeline.answers(files)))
    waves = [axis for axis in figure.axes if axis.lines]
    seen = [axis for axis in figure.axes if axis.images]
    assert len(waves) == len(seen) == 4
    np.testing.assert_array_equal(waves[0].lines[0].get_ydata(), voice)
    np.testing.assert_array_equal(seen[3].images[0].get_array(), spectrogram(voice, FRONT))
    assert seen[0].images[0].origin == "lower"
    assert set(pipeline.card()) == {"What it does", "How sounds are prepared", "Limits"}
