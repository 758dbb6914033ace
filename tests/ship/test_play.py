"""An agent in use: it plays what is named, says its returns, keeps an episode, and is exported."""

import json
from io import BytesIO

import pytest
from PIL import Image

from upslope.cards import discover
from upslope.runs.launcher import start
from upslope.ship.export import export
from upslope.ship.pipelines.pipeline import Options, UnreadableInput, pipeline_of
from upslope.ship.predictor import from_file, of_run

pytestmark = pytest.mark.needs("torch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("agent")
    start(discover("labs")["dqn"], preset="smoke", root=root, quiet=True)
    return root / "dqn-0001"


@pytest.fixture(scope="module")
def agent(folder):
    network = of_run(folder)
    return pipeline_of(network.spec.task)(network)


def test_it_plays_what_it_was_trained_in_and_says_every_return(agent):
    (played,) = agent.answers([], Options(count=20, seed=7))
    facts = played.facts(Options())
    assert facts["environment"] == "walk"
    assert len(facts["returns"]) == 20
    assert facts["mean_return"] == pytest.approx(sum(facts["returns"]) / 20) == 50
    assert json.loads(json.dumps(facts)) == facts
    assert agent.network.learned_from == "walk"


def test_the_episode_is_a_gif_that_is_known_again(agent):
    (played,) = agent.answers(["walk"], Options())
    with Image.open(BytesIO(agent.draw([played]))) as film:
        assert film.format == "GIF"
        assert 40 <= film.n_frames <= 50  # frames that look alike are joined
        assert film.info["comment"] == b"upslope predict"
        assert film.info["loop"] == 0


@pytest.mark.needs("play")
def test_an_environment_that_does_not_fit_is_one_sentence(agent):
    for name, says in (("CartPole-v1", "knows the (5,) and 2"), ("Nowhere-v3", "no environment Nowhere-v3")):
        (unread,) = agent.answers([name])
        assert isinstance(unread, UnreadableInput)
        assert says in unread.reason
        assert "\n" not in unread.reason


@pytest.mark.needs("onnx")
def test_an_exported_agent_plays_the_same_episodes(folder, agent, tmp_path):
    exported = export(folder, "onnx", out=tmp_path / "agent.onnx", say=lambda words: None)
    assert exported.source == "observations of walk"
    network = from_file(exported.path)
    (ours,), (theirs,) = (
        each.answers([], Options(count=5, seed=3)) for each in (agent, pipeline_of(network.spec.task)(network))
    )
    assert ours.returns == theirs.returns
    assert "Q value" in exported.card.read_text()
