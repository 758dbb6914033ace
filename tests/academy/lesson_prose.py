"""What lessons say, for the tests that compare it with the library."""

from upslope.academy.lessons import steps


def says(name: str, *words: str) -> None:
    """The prose of this step holds all of these passages; a minus may be typed as a hyphen."""
    step = next(step for step in steps() if step.name == name)
    prose = " ".join(step.body.replace("−", "-").split())
    for word in words:
        assert word in prose, word
