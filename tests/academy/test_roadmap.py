"""The list of the lessons: it and the lesson files are the same, and whatever is wrong with it is one sentence."""

import shutil

import pytest
import yaml

from upslope.academy.author import author_check
from upslope.academy.lessons import FOLDER, find, steps
from upslope.academy.lessons import _steps as lessons_of
from upslope.academy.roadmap import FILE, BadLesson, places


@pytest.fixture
def folder(tmp_path):
    """A copy of the lessons."""
    shutil.copytree(FOLDER, tmp_path / "lessons")
    return tmp_path / "lessons"


def plant(folder, old, new, file=FILE):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_numbers_are_counted_from_the_list(folder):
    plant(folder, '    "foundations/relu",\n', "")
    plant(folder, '    "foundations/adam",\n', '    "foundations/adam",\n    "foundations/relu",\n')
    numbers = {step.name: step.number for step in steps(folder)}
    assert (numbers["sigmoid"], numbers["adam"], numbers["relu"], numbers["digits"]) == ("1.03", "1.10", "1.11", "1.12")
    assert {step.name: step.file for step in steps(folder)} == {step.name: step.file for step in steps()}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('    "foundations/relu",\n', "", r"the lesson foundations/relu\.md is not listed"),
        ('"foundations/relu"', '"foundations/rellu"', r"foundations/rellu is listed, and there is no lesson"),
        ('"foundations/relu"', '"vision/relu"', r"vision/relu is listed, and there is no lesson"),
        ('"foundations/relu"', '"foundations/sigmoid"', "foundations/sigmoid is listed twice"),
        ('"foundations/relu"', '"relu"', "'relu' is not a step"),
        ('"foundations/relu"', "3", "3 is not a step"),
        ('"foundations/relu",', '"foundations/relu" "', "cannot be read"),
        ("number = 2", "number = 1", "level 1 stands after level 1"),
        ("number = 2", 'number = "two"', "number = 'two' should be int"),
        ('title = "Vision"', "", "title = None should be str"),
        ('title = "Vision"', 'titel = "Vision"', "a level has no 'titel'"),
        ('title = "A neuron"', 'title = "A neuron"\nstep = []', "a part has no 'step'"),
    ],
)
def test_what_is_wrong_with_the_list_is_one_sentence(folder, old, new, words):
    plant(folder, old, new)
    with pytest.raises(BadLesson, match=words) as said:
        places(folder)
    assert FILE in str(said.value)
    assert "\n" not in str(said.value).strip()


def test_a_folder_without_a_list(tmp_path):
    with pytest.raises(BadLesson, match="the order of the lessons cannot be read"):
        places(tmp_path)


def test_the_authors_check_says_it(folder, monkeypatch):
    (folder / "vision" / "stray.md").write_text("---\ntitle: Stray\n---\n")
    monkeypatch.setattr("upslope.academy.lessons.FOLDER", folder)
    assert "vision/stray.md is not listed" in author_check(seeds=1).problems[0]


def test_a_lesson_is_found_by_its_old_names(folder, monkeypatch):
    plant(folder, "minutes: 15\n", "minutes: 15\nwas: [rectifier, hinge]\n", "foundations/relu.md")
    monkeypatch.setattr("upslope.academy.lessons.FOLDER", folder)
    assert find("hinge").name == find("rectifier").name == "relu"


@pytest.mark.parametrize("was", ["[sigmoid]", "[relu]"])
def test_a_name_belongs_to_one_lesson_for_good(folder, was):
    """Else a file of one exercise would be taken for another's."""
    plant(folder, "minutes: 15\n", f"minutes: 15\nwas: {was}\n", "foundations/relu.md")
    with pytest.raises(BadLesson, match="is or was the name of"):
        steps(folder)


def test_front_matter_is_the_same_without_the_loader_in_c(monkeypatch):
    """Not every PyYAML was built with it; where it is there, it is what reads the lessons."""
    read_with = []

    def noted(text, Loader, load=yaml.load):
        read_with.append(Loader)
        return load(text, Loader)

    monkeypatch.setattr(yaml, "load", noted)
    lessons_of.cache_clear()
    quick = steps()
    assert set(read_with) == {getattr(yaml, "CSafeLoader", yaml.SafeLoader)}
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    lessons_of.cache_clear()
    assert steps() == quick
    assert read_with[-1] is yaml.SafeLoader
    lessons_of.cache_clear()
