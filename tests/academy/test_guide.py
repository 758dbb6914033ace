"""The guide as data: every box and bullet is there once, and what lessons prove of it is so."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from upslope.academy import lint
from upslope.academy.guide import (
    CHECKED,
    EPIGRAPH,
    FILE,
    LEVELS,
    SUBTITLE,
    TITLE,
    BadGuide,
    UnknownItem,
    by_level,
    every_item,
    find_item,
    find_level,
    items,
    parts,
)
from upslope.academy.lessons import Proof, find, steps
from upslope.academy.roadmap import BadLesson

GUIDE = Path(__file__).parents[3] / "shared" / "guide.md"  # beside a checkout, where there is one
_BOX, _BULLET = re.compile(r"\s*- \[ \] "), re.compile(r"\s*- (?!\[ \])|\d+\. |(Week|Month) ")

# Heading of the guide -> its sections here, how many more items they hold than the heading has boxes and bullets, why.
SECTIONS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "Mathematical Superpowers": (
        ("Mathematics: statistics and probability", "Mathematics: linear algebra", "Mathematics: calculus"),
        *(0, ""),
    ),
    "Python Mastery": (("Python",), 0, ""),
    "Deep Learning Specialization": (("Deep Learning Specialization",), 0, ""),
    "Intuitive Understanding": (("Intuitive understanding",), 0, ""),
    "From Scratch Implementation": (("From scratch",), 0, ""),
    "Function Playground": (("Activation functions",), 0, ""),
    "Advanced Activation Techniques": (("Modern activations",), 0, ""),
    "Raw Python Power": (("Raw Python",), 0, ""),
    "Framework Mastery": (("TensorFlow and Keras", "PyTorch Lightning"), 0, ""),
    "Visual Understanding": (("CNN visualization",), 0, ""),
    "Deep Mathematical Understanding": (("CNN mathematics",), 0, ""),
    "Implementation Mastery": (("CNN implementation",), 0, ""),
    "OpenCV Mastery": (("OpenCV",), 0, ""),
    "Advanced CNN Architectures": (("Architecture zoo",), 0, ""),
    "Specialized Computer Vision": (("Object detection", "Image generation", "Image segmentation"), 0, ""),
    "Specialized Coursework": (("Coursework",), 0, ""),
    "NLP Bootcamp": (("NLP bootcamp",), 0, ""),
    "Data Preprocessing Mastery": (("Text cleaning",), 0, ""),
    "Traditional Methods": (("Classical NLP",), 0, ""),
    "Sequential Models": (("Sequential models",), 0, ""),
    "Transformer Architecture": (("Transformer",), 0, ""),
    "Large Language Models": (("Large language models",), 2, "RoBERTa, ALBERT and DistilBERT share a bullet"),
    "Cutting-Edge NLP": (("Cutting-edge NLP",), 0, ""),
    "Advanced NLP Projects": (("Chatbots", "Document understanding", "Multilingual NLP"), 0, ""),
    "Audio & Speech Processing": (("Audio and speech",), 1, "Whisper and Wav2Vec share a bullet"),
    "Video Understanding": (("Video",), 0, ""),
    "Reinforcement Learning": (("Reinforcement learning",), 0, ""),
    "Generative AI": (("Generative AI",), 3, "DCGAN, StyleGAN, CycleGAN; DDPM, Stable Diffusion"),
    "Deep Learning Frameworks": (
        ("TensorFlow ecosystem", "PyTorch ecosystem"),
        *(2, "TorchVision, TorchText, TorchAudio"),
    ),
    "MLOps & Production": (("MLOps",), 0, ""),
    "Cloud Platforms": (("Cloud",), 0, ""),
    "Beginner Legendaries": (("Beginner projects",), 0, ""),
    "Intermediate Epics": (("Intermediate projects",), 0, ""),
    "Advanced Legendaries": (("Advanced projects",), 0, ""),
    "Courses That Transform Lives": (("Courses",), 0, ""),
    "Sacred Texts": (("Books",), 0, ""),
    "YouTube Universities": (("Channels",), 0, ""),
    "Research & Papers": (("Papers",), 0, ""),
    "THE LEGENDARY TIMELINE": (("Timeline",), 4, "each quarter has a heading of its own"),
    "Bronze Tier": (("Bronze: foundation master",), 1, "the tier itself"),
    "Silver Tier": (("Silver: domain specialist",), 1, "the tier itself"),
    "Gold Tier": (("Gold: research level",), 1, "the tier itself"),
    "Diamond Tier": (("Diamond: pioneer",), 1, "the tier itself"),
    "Legendary Tier": (("Legendary",), 1, "the tier itself"),
    "The Deep Learning Mindset": (("Mindset",), 0, ""),
    "Practical Habits": (("Habits",), 0, ""),
    "FINAL WISDOM": (("Final wisdom",), 3, "the motto, the call and the creed"),
}


def headings():
    """Boxes and bullets under each heading of the guide that has some; the quarters count as the timeline."""
    found: dict[str, list[int]] = {}
    heading = ""
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and "Months" not in line:
            heading = line
        elif match := _BOX.match(line) or _BULLET.match(line):
            found.setdefault(heading, [0, 0])["[ ]" not in match[0]] += 1
    return found


def test_there_are_328_items_each_with_an_id_of_its_own():
    assert len(items()) == len({item.id for item in items()}) == 328
    assert len({item.id for item in every_item()}) == len(every_item())
    assert sum(len(those) for _, _, those in by_level()) == 328
    assert {item.level for item in items()} == set(LEVELS)


@pytest.mark.skipif(not GUIDE.is_file(), reason="the guide's own text is not beside this checkout")
def test_every_box_and_bullet_of_the_guide_is_an_item():
    found = headings()
    assert sum(boxes for boxes, _ in found.values()) == 85
    counts = Counter(item.section for item in items())
    used: list[str] = []
    for heading, (boxes, bullets) in found.items():
        (name,) = [name for name in SECTIONS if name in heading]
        sections, more, why = SECTIONS[name]
        assert sum(counts[section] for section in sections) == boxes + bullets + more, (heading, why)
        used += sections
    assert sorted([*used, "Front"]) == sorted(counts), "and the title and the epigraph"


@pytest.mark.skipif(not GUIDE.is_file(), reason="the guide's own text is not beside this checkout")
def test_title_epigraph_and_addresses_are_those_of_the_guide():
    text = GUIDE.read_text(encoding="utf-8")
    assert TITLE.lower() in text.lower()
    assert SUBTITLE in text
    assert EPIGRAPH in text
    linked = set(re.findall(r"\]\((https?://[^)]+)\)", text))
    assert {item.address for item in items() if item.address} == linked


def test_addresses_say_what_took_their_place():
    said = {item.id: item for item in items()}
    assert said["R.papers.pwc"].address_state == "closed"
    assert "July 2025" in said["R.papers.pwc"].address_note
    assert "0.18" in said["5.pytorch.text"].address_note
    assert "publishes no more" in said["R.papers.distill"].address_note
    assert said["R.papers.google"].address_state == "moved"
    for item in items():
        assert item.address_note or item.address_state in {"", "open"}, f"{item.id}: where did it go?"


def test_a_parent_is_of_the_same_level_and_stands_before_its_parts():
    order = {item.id: number for number, item in enumerate(items())}
    for parent, below in parts().items():
        assert all(order[parent] < order[part.id] for part in below)
    assert [item.name for item in parts()["1.modern"]] == ["relu-family", "attention", "gelu", "test"]


def test_every_item_that_a_lesson_proves_exists_and_is_built():
    for step in steps():
        assert [said for said in lint.lesson(step, steps()) if "proves" in said] == []
    assert list(lint.coverage(steps())) == []


def test_what_is_built_and_has_no_proof_says_so():
    proven = {proof.item for step in steps() for proof in step.proofs}
    for item in items():
        if item.kind == "build" and item.level != "A" and item.id not in parts():
            assert (item.covers == "none") == (item.id not in proven | CHECKED), item.id


@pytest.mark.parametrize(
    ("step", "proves", "words"),
    [
        ("relu", "1.modern.gelo", "it proves 1.modern.gelo, which is no item of the guide; 1.modern.gelu is near"),
        ("relu", "1.raw.video", "which is of kind watch; only what is built is proven"),
        ("relu", "A.bronze.network", "follows from a rule"),
        ("relu", "1.modern.gelu", "guide.csv says that nothing covers it"),
        ("relu", "1.modern.relu-family model=vit", "with model=, which no lab of this step knows"),
        ("fashion", "2.zoo.vit modell=vit", "with modell=, which no lab of this step knows"),
    ],
)
def test_the_linter_refuses_a_proof_that_is_none(step, proves, words):
    found = find(step)
    assert any(words in said for said in lint.lesson(replace(found, proves=(proves,)), _with(found, proves)))


def _with(step, proves):
    return tuple(replace(other, proves=(proves,)) if other.name == step.name else other for other in steps())


def test_the_linter_misses_a_proof_that_the_table_promises():
    without = [replace(step, proves=()) if step.name == "conv2d" else step for step in steps()]
    assert list(lint.coverage(without)) == ["guide.csv: 2.maths.convolution is covered (full), and no lesson proves it"]


def test_a_proof_may_ask_for_settings():
    proof = Proof.parse("2.zoo.vit model=vit")
    assert proof.holds({"model": "vit", "epochs": 2})
    assert not proof.holds({"model": "resnet"})
    assert not proof.holds(None), "nothing says that it was so"
    assert Proof.parse("2.generation.vae").holds(None)
    for text in ("", "model=vit", "2.zoo.vit model", "2.zoo.vit model="):
        with pytest.raises(BadLesson, match="is not an item of the guide"):
            Proof.parse(text)


@pytest.mark.parametrize(
    ("word", "found"),
    [("1.modern.gelu", "1.modern.gelu"), ("GELU", "1.modern.gelu"), ("a.BRONZE", "A.bronze"), ("zoo.vit", "2.zoo.vit")],
)
def test_an_item_is_found_by_its_id_or_the_end_of_it(word, found):
    assert find_item(word).id == found


@pytest.mark.parametrize(
    ("word", "meant"),
    [("1.modern.gelo", "1.modern.gelu"), ("gelo", "1.modern.gelu"), ("khan", "0.stats.khan or 0.calculus.khan")],
)
def test_a_near_miss_is_guessed(word, meant):
    with pytest.raises(UnknownItem, match=f"did you mean {meant}"):
        find_item(word)


def test_a_word_that_is_near_nothing():
    with pytest.raises(UnknownItem, match="upslope roadmap 1 lists"):
        find_item("qwertyuiop")


def test_levels_have_numbers_letters_and_titles():
    assert [find_level(word) for word in ("2", "level 2", "Computer vision", "p", "9")] == ["2", "2", "2", "P", None]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1.modern.gelu,", "1.modern.attention,", "1.modern.attention stands there twice"),
        (",build,GELU,", ",built,GELU,", "kind is 'built'; it is one of build, read"),
        ("1.modern.gelu,", "modern,", "'modern' is no id"),
        ("id,section", "name,section", "the columns are name, section"),
        ("build,GELU,,", "build,GELU,ten,", "minutes are a whole number"),
        ("build,GELU,,,,", "build,GELU,,https://example.org,,", "an address without its state"),
    ],
)
def test_what_is_wrong_with_the_table_is_one_sentence(tmp_path, old, new, words):
    text = FILE.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "guide.csv"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BadGuide, match=words):
        every_item(path)


def test_a_retired_item_keeps_its_line_and_its_id(tmp_path):
    path = tmp_path / "guide.csv"
    text = FILE.read_text(encoding="utf-8")
    path.write_text(text.replace("none,,Exercise gelu", "none,0.9,Exercise gelu"), encoding="utf-8")
    found = {item.id: item.retired for item in every_item(path)}
    assert (len(found), found["1.modern.gelu"]) == (328, "0.9")
