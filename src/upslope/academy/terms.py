"""The field's vocabulary: which lesson teaches a term, and the sentence there that says what it means.

A lesson lists its terms in its front matter (`terms: [learning rate, exponential moving average (EMA)]`); what stands
in brackets is a second name. In its prose each term is bold once, in the sentence that explains it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from upslope.academy.lessons import Step
from upslope.spelling import nearest

FEWEST, MOST = 3, 6
# A reader of the lessons must be able to read a paper's abstract; what it takes is taught somewhere.
REQUIRED = (
    *("nonlinearity", "activation function", "logit", "autograd", "forward pass", "backward pass", "feature map"),
    *("receptive field", "skip connection", "vanishing gradient", "inference", "loss", "gradient", "learning rate"),
    *("epoch", "batch", "overfitting", "regularization", "weight decay", "momentum", "softmax", "cross-entropy"),
    *("embedding", "attention", "token", "residual connection", "batch normalization", "dropout", "data augmentation"),
)
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
# A sentence ends before white space and something that does not go on in lower case; "et al." ends none.
_SENTENCE_END = re.compile(r'(?<!et al\.)(?:(?<=[.?!])|(?<=[.?!][)"*]))\s+(?=[^a-z\s])')
_POINTS_BACK = re.compile(r"(It|Its|They|Their|This|These|Where it)\b")


@dataclass(frozen=True)
class Term:
    """One term of the field, and its home among the lessons."""

    name: str  # as the prose has it: exponential moving average
    short: str  # EMA, or nothing
    step: Step
    meaning: str  # the sentence that explains it, as plain text

    @property
    def shown(self) -> str:
        return f"{self.name} ({self.short})" if self.short else self.name


@lru_cache(maxsize=512)
def terms_of(step: Step) -> tuple[Term, ...]:
    """The terms that a lesson teaches, in the order of its front matter."""
    return tuple(Term(*_names(entry), step, _meaning(step.body, _names(entry)[0])) for entry in step.terms)


def all_terms(roadmap: Sequence[Step]) -> tuple[Term, ...]:
    """The terms of all lessons, in roadmap order."""
    return tuple(term for step in roadmap for term in terms_of(step))


def find_term(word: str, roadmap: Sequence[Step]) -> Term | None:
    """The term that a person means, whatever the case, number, hyphens and spelling (-isation); None where none is."""
    asked = _key(word)
    for term in all_terms(roadmap):
        for name in filter(None, (term.name, term.short)):
            if asked in _singulars(_key(name)) or _key(name) in _singulars(asked):
                return term
    return None


def near(word: str, roadmap: Sequence[Step]) -> list[str]:
    """Steps and terms written nearly like a word, the nearest first."""
    taught = all_terms(roadmap)
    names = {_key(name): name for term in taught for name in (term.short, term.name) if name}
    names |= {_key(step.name): step.name for step in roadmap}
    return [names[key] for key in nearest(_key(word), names, most=3)]


def faults(step: Step, roadmap: Sequence[Step]) -> Iterator[str]:
    """What is wrong with the terms of one lesson."""
    if not FEWEST <= len(step.terms) <= MOST:
        yield f"it teaches {len(step.terms)} terms; a lesson teaches {FEWEST} to {MOST} (terms: in its front matter)"
    bold = bold_words(step.body)
    keys = {_key(_names(entry)[0]) for entry in step.terms}
    for entry in step.terms:
        count = sum(_key(_names(entry)[0]) in _singulars(_key(word)) for word in bold)
        if count != 1:
            yield f'its term "{entry}" is bold {count} times; it is bold once, where it is explained'
    for word in bold:
        if not keys & _singulars(_key(word)):
            yield f'"{word}" is bold and is none of its terms; list it under terms:, or write it in italics'
    for other in roadmap:
        for entry in other.terms if other.name != step.name else ():
            if _key(_names(entry)[0]) in keys:
                yield f'its term "{_names(entry)[0]}" is taught in {other.name} as well; a term has one home'


def missing(roadmap: Sequence[Step]) -> list[str]:
    """The required terms that no lesson teaches."""
    return [term for term in REQUIRED if find_term(term, roadmap) is None]


def bold_words(body: str) -> list[str]:
    """What is bold in a lesson's prose, without the headings that run into a paragraph ("By hand.", "Why divide?")."""
    spans = (" ".join(match[1].split()) for match in _BOLD.finditer(_FENCE.sub("", body)))
    return [span for span in spans if not span.endswith((".", "?"))]


def _names(entry: str) -> tuple[str, str]:
    """A term's two names, of "exponential moving average (EMA)"; the second may be empty."""
    name, _, short = entry.partition(" (")
    return name, short.removesuffix(")")


def _key(word: str) -> str:
    """What two spellings of a term have in common."""
    return re.sub(r"[\s_-]+", "", word.lower()).replace("isation", "ization").replace("optimis", "optimiz")


def _singulars(key: str) -> set[str]:
    """A word, and what it would be the plural of."""
    found = {key}
    if key.endswith("s") and not key.endswith("ss"):
        found.add(key[:-1])
    if key.endswith("es"):
        found.add(key[:-2])
    if key.endswith("ies"):
        found.add(key[:-3] + "y")
    return found


def _meaning(body: str, name: str) -> str:
    """The sentence of a lesson in which a term is bold, without Markdown; empty where it is bold nowhere.

    A sentence that opens with a pronoun has the one before it in front.
    """
    for paragraph in _FENCE.sub("", body).split("\n\n"):
        text = " ".join(paragraph.split())
        before = ""
        for sentence in _SENTENCE_END.split(re.sub(r"^\*\*[^*]+[.?]\*\*\s*", "", text)):
            if any(_key(name) in _singulars(_key(word)) for word in bold_words(sentence)):
                whole = f"{before} {sentence}".strip() if _POINTS_BACK.match(sentence) else sentence
                said = re.sub(r"\*\*|(?<!\w)[*`]|[*`](?!\w)", "", whole).rstrip(":, ")
                return said if said.endswith((".", "?", "!")) else f"{said}."
            before = sentence
    return ""
