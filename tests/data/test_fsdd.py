"""Spoken digits: the real set where it is here, a clone of its repository, and the toy's frequencies."""

import zipfile

import numpy as np
import pytest

from upslope.data import fsdd
from upslope.runs.errors import DataProblem
from upslope.runs.workspace import data_folder
from upslope.sound.spectrum import power_spectrum


@pytest.mark.parametrize("digit", range(10))
def test_a_toys_resonances_lie_where_they_should(digit):
    """At the start of a glide the power lies around its two resonances, at its end around the two others."""
    for speaker in (0, 5):
        sound = fsdd.glide(digit, speaker, rng=np.random.default_rng(digit))
        power = power_spectrum(sound.astype(np.float64), n_fft=256, hop=64)
        hertz = np.arange(129) * fsdd.RATE / 256
        throat = 0.88 + 0.05 * speaker
        for frame, moment in ((4, 0), (-5, 1)):
            resonances = throat * np.array(fsdd.GLIDES[digit][moment])
            peak = hertz[power[frame, 3:].argmax() + 3]
            assert np.abs(peak - resonances).min() < 200


def test_a_toy_is_balanced_and_repeatable():
    one, two = (fsdd.toy(rng=np.random.default_rng(3), count=120) for _ in range(2))
    assert np.bincount(one["label"]).tolist() == [12] * 10
    assert np.bincount(one["speaker"]).tolist() == [20] * 6
    np.testing.assert_array_equal(one["audio"].values, two["audio"].values)
    assert np.abs(one["audio"].values).max() <= 1
    assert (one["audio"].lengths >= 0.25 * fsdd.RATE).all()


def test_no_split_of_that_name():
    with pytest.raises(DataProblem, match='fsdd has no split "dev"'):
        fsdd.load("dev")


def test_without_the_packed_file_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path))
    monkeypatch.delenv("UPSLOPE_MIRROR", raising=False)
    with pytest.raises(DataProblem, match=r"has no public address.*or git clone https://github.com/Jakobovski"):
        fsdd.load()


@pytest.mark.needs("data")
def test_a_clone_is_read_and_another_one_refused(monkeypatch, tmp_path):
    packed = fsdd.load("test")
    with zipfile.ZipFile(data_folder() / "fsdd" / "recordings.zip") as file:
        files = {name.rpartition("/")[2]: file.read(name) for name in file.namelist() if name.endswith(".wav")}
    assert len(files) == 1500
    clone = tmp_path / "fsdd" / "recordings"
    clone.mkdir(parents=True)
    for name, content in files.items():
        (clone / name).write_bytes(content)
    (clone / "0_george_49.wav").write_bytes(b"of the other half")
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path))
    cloned = fsdd.load("test")
    np.testing.assert_array_equal(cloned["audio"].values, packed["audio"].values)
    np.testing.assert_array_equal(cloned["speaker"], packed["speaker"])
    (clone / "3_theo_7.wav").write_bytes(files["3_theo_8.wav"])
    with pytest.raises(DataProblem, match="holds other recordings"):
        fsdd.load("test")
    (clone / "3_theo_7.wav").unlink()
    with pytest.raises(DataProblem, match="is not a clone of"):
        fsdd.load("test")


def test_data_show_draws_sounds_and_writes_one():
    from upslope.cards import discover
    from upslope.data.loading.preview import picture, sound
    from upslope.sound.wav import parse_wav

    found = discover("data")["fsdd"]
    figure = picture(found, toy=True, seed=2)
    cells = [axis for axis in figure.axes if axis.get_title(loc="left")]
    wave = cells[0].child_axes[0].lines[0].get_ydata()
    assert cells[0].child_axes[1].images[0].origin == "lower"
    content, words = sound(found, toy=True, seed=2)
    assert cells[0].get_title(loc="left") == words
    np.testing.assert_allclose(parse_wav(content, "x").samples[0], wave, atol=1e-4)
    assert sound(discover("data")["mnist"], toy=True) is None
