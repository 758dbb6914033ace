"""Which subjects there are, and their topics: a folder is a subject, a file in it with a TOPIC is a topic."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from upslope.quiz.question import Topic


def subjects() -> list[str]:
    """The names of the subjects; nothing is imported."""
    return sorted(found.name for found in iter_modules([str(Path(__file__).parent)]) if found.ispkg)


def about(subject: str) -> str:
    """What a subject is about, in one sentence."""
    return (import_module(f"{__package__}.{subject}").__doc__ or "").strip()


def topics(subject: str) -> dict[str, Topic]:
    """The topics of a subject by their names, in the order of their places."""
    folder = Path(__file__).parent / subject
    modules = [import_module(f"{__package__}.{subject}.{found.name}") for found in iter_modules([str(folder)])]
    found = [module.TOPIC for module in modules if hasattr(module, "TOPIC")]
    return {topic.name: topic for topic in sorted(found, key=lambda topic: (topic.place, topic.name))}
