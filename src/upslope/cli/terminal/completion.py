"""Names for the shell's completion: read from file names and cards, so that a press of Tab imports nothing heavy."""

from pathlib import Path


def step_names(incomplete: str) -> list[str]:
    """Steps, in roadmap order."""
    from upslope.academy.roadmap import BadLesson, places

    try:
        names = [place.name for place in places(Path(__file__).parents[2] / "lessons")]
    except BadLesson:  # which the verb itself will say
        return []
    return [name for name in names if name.startswith(incomplete)]


def item_names(incomplete: str) -> list[str]:
    """Items of the guide, in its order."""
    from upslope.academy.guide import items

    return [item.id for item in items() if item.id.startswith(incomplete)]


def lab_names(incomplete: str) -> list[str]:
    """Labs."""
    return _cards("labs", incomplete)


def data_names(incomplete: str) -> list[str]:
    """Data sets."""
    return _cards("data", incomplete)


def model_names(incomplete: str) -> list[str]:
    """Models and families of them."""
    from typing import cast

    from upslope.cards import ModelCard, discover

    names: list[str] = []
    for family, found in discover("models").items():
        sizes = cast(ModelCard, found.card).sizes
        names += [family, *(f"{family}-{size}" if size.startswith("toy") else size for size in sizes)]
    return [name for name in names if name.startswith(incomplete)]


def chat_names(incomplete: str) -> list[str]:
    """Published causal models with weights, the lab `gpt`, and its runs."""
    from typing import cast

    from upslope.cards import ModelCard, discover

    cards = [cast(ModelCard, found.card) for found in discover("models").values()]
    names = [size for card in cards if card.causal for size, one in card.sizes.items() if one.weights]
    runs = [name for name in run_names(incomplete) if name.startswith("gpt")]
    return [name for name in [*names, "gpt", *runs] if name.startswith(incomplete)]


def look_names(incomplete: str) -> list[str]:
    """Models that can be looked into: those that chat, those that embed sentences, and runs."""
    from typing import cast

    from upslope.cards import ModelCard, discover

    cards = [cast(ModelCard, found.card) for found in discover("models").values()]
    names = [size for card in cards for size, one in card.sizes.items() if any(w.vocabulary for w in one.weights)]
    found = [*chat_names(incomplete), *(name for name in names if name.startswith(incomplete)), *run_names(incomplete)]
    return list(dict.fromkeys(found))


def run_names(incomplete: str) -> list[str]:
    """Folders in the workspace's runs, newest number last."""
    from upslope.runs.workspace import runs_folder

    folder = runs_folder()
    names = sorted(p.name for p in folder.iterdir() if (p / "config.json").is_file()) if folder.is_dir() else []
    return [name for name in names if name.startswith(incomplete)]


def quiz_names(incomplete: str) -> list[str]:
    """Subjects of quizzes."""
    from upslope.quiz.subjects import subjects

    return [name for name in subjects() if name.startswith(incomplete)]


def quiz_topics(incomplete: str) -> list[str]:
    """Topics of all quizzes."""
    from upslope.quiz.subjects import subjects, topics

    return [name for subject in subjects() for name in topics(subject) if name.startswith(incomplete)]


def _cards(room: str, incomplete: str) -> list[str]:
    from upslope.cards import discover

    return [name for name in discover(room) if name.startswith(incomplete)]


def tokenizer_names(incomplete: str) -> list[str]:
    """Tokenizers that were trained here, and those that are always there."""
    from upslope.runs.workspace import home

    names = ["bytes", "gpt2", *sorted(path.stem for path in (home() / "tokenizers").glob("*.json"))]
    return [name for name in names if name.startswith(incomplete)]
