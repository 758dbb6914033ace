"""Features: what the columns of a data set hold, with the names that Hugging Face's `datasets` gives them.

A data card says `features={"image": Image((28, 28)), "label": ClassLabel(("cat", "dog"))}`. From that follow what the
loader must give, what `upslope data show` draws, what the tests ask, and how `upslope predict` reads what it is given.
Nothing heavy is imported: cards are read at every start.
"""

from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class Image:
    """A picture: float32 in [0, 1], or uint8. `shape` is (height, width) for grey, (height, width, 3) for colour."""

    shape: tuple[int, ...]  # () where every picture has its own size
    look: str = "photo"  # how any picture is prepared to look like these: a function of `upslope.image.preprocess`

    def describe(self) -> str:
        """In words, for a table."""
        colour = {2: "grey ", 3: "colour "}.get(len(self.shape), "")
        return f"{colour}image, {' x '.join(map(str, self.shape[:2])) or 'any size'}"


@dataclass(frozen=True)
class ClassLabel:
    """One of several classes: int64, a position in `names`."""

    names: tuple[str, ...]

    def describe(self) -> str:
        """In words, for a table."""
        return f"one of {len(self.names)}: {', '.join(self.names)}"


@dataclass(frozen=True)
class Text:
    """A str of any length."""

    def describe(self) -> str:
        """In words, for a table."""
        return "text"


@dataclass(frozen=True)
class Tokens:
    """Token ids: integers below `vocab_size`, a row or a ragged row for each sample."""

    vocab_size: int

    def describe(self) -> str:
        """In words, for a table."""
        return f"tokens, {self.vocab_size:,} different ones"


@dataclass(frozen=True)
class Audio:
    """A mono waveform: float32 in [-1, 1] at `rate` samples per second, as long as it is."""

    rate: int

    def describe(self) -> str:
        """In words, for a table."""
        return f"sound, mono, {self.rate:,} Hz"


@dataclass(frozen=True)
class Boxes:
    """The boxes of a picture: float32 (n, 4) in pixels, with any n, also 0."""

    format: str = "xyxy"

    def describe(self) -> str:
        """In words, for a table."""
        return f"boxes, {self.format} in pixels"


@dataclass(frozen=True)
class Mask:
    """A class for each pixel: integers, positions in `names`; "void" is for pixels that are nobody's."""

    names: tuple[str, ...]
    things: tuple[str, ...] = ()  # those of them that are counted one by one; all others are stuff

    def describe(self) -> str:
        """In words, for a table."""
        return f"mask, each pixel one of {len(self.names)}: {', '.join(self.names)}"


@dataclass(frozen=True)
class Instances:
    """Which thing each pixel belongs to: integers, 0 for none, 1 to n for n things, each in one piece or in several."""

    name: str  # what the things are, one of them: "nucleus"

    def describe(self) -> str:
        """In words, for a table."""
        return f"instances, each pixel the number of its {self.name} or 0"


@dataclass(frozen=True)
class Value:
    """One number for each sample."""

    dtype: str = "float32"
    unit: str = ""

    def describe(self) -> str:
        """In words, for a table."""
        return f"number{f' in {self.unit}' if self.unit else ''} ({self.dtype})"


@dataclass(frozen=True)
class Sequence:
    """Several of another feature for each sample, any number: the words of a sentence, the labels of boxes."""

    of: "Feature"

    def describe(self) -> str:
        """In words, for a table."""
        return f"a sequence, each: {self.of.describe()}"


Feature = Union[Image, ClassLabel, Text, Tokens, Audio, Boxes, Mask, Instances, Value, Sequence]  # noqa: UP007
FEATURES = (Image, ClassLabel, Text, Tokens, Audio, Boxes, Mask, Instances, Value, Sequence)
