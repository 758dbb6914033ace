"""Poet: couplets, sonnets and haiku by a network that learned verse and a search that keeps metre and rhyme.

M. Ghazvininejad, X. Shi, Y. Choi, K. Knight, "Generating Topical Poetry", 2016, https://aclanthology.org/D16-1126/:
form is a matter of the search, not of the network. J. Hopkins, D. Kiela, "Automatically Generating Rhythmic Verse with
Neural Networks", 2017, https://aclanthology.org/P17-1016/: characters, sampled under a metre.

- Many lines are sampled together, a character at a time. Whenever a word is whole it must be one that the training text
  has and fit the metre; a line that fails is given up and one that still holds is copied in its place.
- A line that must rhyme is sampled up to its last word. The words that rhyme and fill the metre are then scored by the
  network, as continuations of several beginnings, and one is drawn in proportion to its probability.
- A word that a poem is about is set in the same way, into the middle of the first line that it fits.
- No line is one of the training text, and no line of a poem ends in a word that another of its lines ends in.

Left out: sense. The network hears one line back, and what a poem says is an accident.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from upslope.blocks.language.characters import Characters
from upslope.blocks.language.text_batch import TextBatch, sampled
from upslope.runs.errors import Problem
from upslope.text.meter import LINE, START, WORD, Meter, Places, last_word, words_of

FORMS = {"couplet": "AA", "sonnet": "ABABCDCDEFEFGG", "haiku": "575"}  # who rhymes with whom, or how many syllables
ROWS = 32  # lines that are sampled together
BEGINNINGS = 8  # to which the words that rhyme are tried
TRIES = 30  # searches for one line
LONGEST = 60  # characters of a line
MESSY = re.compile(r"^[^A-Z']|  | [^A-Za-z']|[,.;:!?][^ -]|[A-Za-z'][A-Z]")  # no way to set a line
TAILS = (",", ".", "", ";", ":", "!", "?")  # behind the last word


class NoPoem(Problem):
    """A poem that the search does not find."""


@dataclass(frozen=True)
class Rule:
    """What a line must be: `advance` gives the syllables after one more word, and `ends` where it may stop."""

    advance: Callable[[Places, str], Places]
    ends: frozenset[int]

    def places(self, line: str) -> Places:
        """How many syllables a line may have, if it is the beginning of a right one; else none."""
        found = START
        for word in words_of(line):
            found = self.advance(found, word)
        return found


class Poet:
    """A model that continues texts by characters, the lines that it learned, and the sounds of words."""

    def __init__(
        self,
        write: Callable[..., TextBatch],
        characters: Characters,
        *,
        context: int,
        lines: Iterable[str],
        meter: Meter,
        temperature: float = 0.8,
    ) -> None:
        """`write(prompt, rows=n)` begins n texts with the same tokens, at most `context` in all."""
        if context <= LONGEST:
            raise NoPoem(
                f"a line may have {LONGEST} characters, and the model reads {context}: train it with context=128"
            )
        self.write, self.characters, self.context = write, characters, context
        self.meter, self.temperature = meter, temperature
        learned = list(lines)
        self.known = {" ".join(words_of(line)) for line in learned}
        self.words = {word for line in self.known for word in line.split()}
        # As a word is written where no line begins: I and Verona are, the is not.
        written = Counter(word for line in learned for word in WORD.findall(line)[1:])
        self.written = {word.lower(): word for word, _ in reversed(written.most_common())}
        self.rhymes: dict[tuple[str, ...], list[str]] = {}
        for word in sorted(self.words):
            for _, sounds in meter.endings(word):
                self.rhymes.setdefault(sounds, []).append(word)

    def poem(self, form: str, *, about: str = "", seed: int = 0) -> list[str]:
        """The lines of a poem; NoPoem where the search does not find one."""
        rng = np.random.default_rng(seed)
        pattern = FORMS[form]
        if about and about.lower() not in self.words:
            raise NoPoem(f'"{about}" is no word of the text that the network learned: try love, night or king')
        lines: list[str] = []
        for number, sign in enumerate(pattern):
            rule = self.pentameter() if sign.isalpha() else self.syllables(int(sign))
            partner = pattern.find(sign) if sign.isalpha() else number
            rhyme = last_word(lines[partner]) if partner < number else ""
            others = pattern.count(sign) > 1 and not rhyme and sign.isalpha()
            lines.append(self.line(rule, lines, rhyme=rhyme, about="" if number else about, rhymed=others, rng=rng))
        return [*lines[:-1], re.sub(r"[^\w!?.]*$", "", lines[-1]) + ("" if lines[-1][-1] in "!?." else ".")]

    def pentameter(self) -> Rule:
        """Ten or eleven syllables, weak and strong in turns."""
        return Rule(self.meter.advance, frozenset(LINE))

    def syllables(self, count: int) -> Rule:
        """So many syllables, whatever their stress."""
        return Rule(lambda places, word: self.meter.counted(places, word, most=count), frozenset({count}))

    def line(
        self, rule: Rule, before: Sequence[str], *, rhyme: str, about: str, rhymed: bool, rng: np.random.Generator
    ) -> str:
        """One line after those before it: in rhyme with a word, about a word, or one on which others can rhyme."""
        taken = {last_word(line) for line in before}
        partners = self.partners(rhyme) - taken if rhyme else set()
        for _ in range(TRIES):
            text, begun = "\n" + (f"{before[-1]}\n" if before else ""), ""
            if about:
                begun = self.set_word(rule, text, {about.lower()}, tails=None, rng=rng)
                if not begun:
                    continue
            if rhyme:
                found = [self.set_word(rule, text, partners, tails=TAILS, rng=rng)]
            else:
                found, _ = self.grow(rule, text, begun, rng=rng)
            for number in rng.permutation(len(found)):
                line: str = found[number]
                end = last_word(line)
                good = end and end not in taken and " ".join(words_of(line)) not in self.known
                if good and (not rhymed or self.partners(end) - taken):
                    return line
        wish = f' that rhymes with "{rhyme}"' if rhyme else f' about "{about}"' if about else ""
        raise NoPoem(f"no line{wish} was found in {TRIES} searches: try another --seed, or train longer")

    def partners(self, word: str) -> set[str]:
        """The words of the training text that rhyme with this one."""
        alike = {other for _, sounds in self.meter.endings(word) for other in self.rhymes.get(sounds, ())}
        return {other for other in alike if self.meter.rhymes(word, other)}

    def grow(
        self, rule: Rule, text: str, begun: str, *, rng: np.random.Generator
    ) -> tuple[list[str], list[tuple[str, Places]]]:
        """Lines that begin like this and keep the rule; and all beginnings that were whole words on the way there."""
        end = int(self.characters.encode("\n")[0])
        texts = self.write(self.read(text + begun), rows=ROWS)
        lines = [begun] * ROWS
        finished: list[str] = []
        beginnings: dict[str, Places] = {}
        for _ in range(LONGEST - len(begun)):
            probabilities = texts.following()
            for row, line in enumerate(lines):
                places = self.places(rule, line)
                if rule.ends.isdisjoint(places):
                    probabilities[row, end] = 0
            tokens = sampled(probabilities, temperature=self.temperature, rng=rng)
            kept = []
            for row, token in enumerate(tokens):
                character = self.characters.alphabet[token]
                if character == "\n":
                    finished.append(lines[row])
                    continue
                line = lines[row] + character
                if MESSY.search(line):
                    continue
                if not (character.isalpha() or character == "'"):
                    places = self.places(rule, line)
                    if not places:
                        continue
                    if character == " ":
                        beginnings[line] = places
                kept.append((row, line))
            if not kept:
                break
            # Those that were given up or are finished make room for copies of those that hold.
            chosen = [*range(len(kept)), *rng.integers(len(kept), size=len(lines) - len(kept))]
            chosen = chosen[: len(lines)]
            rows = np.array([kept[place][0] for place in chosen], dtype=np.int64)
            lines = [kept[place][1] for place in chosen]
            texts.select(rows)
            texts.read(tokens[rows])
        return finished, list(beginnings.items())

    def places(self, rule: Rule, line: str) -> Places:
        """Where a line of known words is in its metre; nowhere if it breaks the rule."""
        return rule.places(line) if all(word in self.words for word in words_of(line)) else frozenset()

    def set_word(
        self, rule: Rule, text: str, words: set[str], *, tails: Sequence[str] | None, rng: np.random.Generator
    ) -> str:
        """A line that goes on with one of these words and, with `tails`, ends there; "" where none fits.

        Beginnings come from sampling, so a word's own probability after them is what it is drawn in proportion to.
        """
        _, beginnings = self.grow(rule, text, "", rng=rng)
        beginnings.append(("", START))
        fitting: list[tuple[str, list[str]]] = []
        for number in rng.permutation(len(beginnings)):
            begun, places = beginnings[number]
            fits = [w for w in sorted(words) if self.fits(rule, places, w, ends=tails is not None)]
            if fits:
                fitting.append((begun, fits))
            if len(fitting) == BEGINNINGS:
                break
        lines, scores = [], []
        for begun, fits in fitting:
            shown = [self.written.get(word, word) if begun else word.capitalize() for word in fits]
            endings = (
                [w + tail + "\n" for w in shown for tail in tails] if tails is not None else [w + " " for w in shown]
            )
            scores += self.scored(text + begun, endings).tolist()
            lines += [begun + ending.rstrip("\n") for ending in endings]
        if not lines:
            return ""
        weights = np.exp((np.array(scores) - max(scores)) / self.temperature)
        return lines[int(rng.choice(len(lines), p=weights / weights.sum()))]

    def fits(self, rule: Rule, places: Places, word: str, *, ends: bool) -> bool:
        """Whether a word may come next; and whether the line may end with it, or with another word behind it."""
        after = rule.advance(places, word)
        return not after.isdisjoint(rule.ends) if ends else any(place < max(rule.ends) - 1 for place in after)

    def scored(self, text: str, endings: Sequence[str]) -> NDArray[np.float64]:
        """The logarithm of the probability with which the network goes on with each of these: (N,)."""
        longest = max(map(len, endings))
        texts = self.write(self.read(text), rows=len(endings))
        tokens = np.array([self.characters.encode(ending.ljust(longest)) for ending in endings])
        found = np.zeros(len(endings))
        lengths = np.array([len(ending) for ending in endings])
        for place in range(longest):
            chosen = texts.following()[np.arange(len(endings)), tokens[:, place]]
            found += np.where(place < lengths, np.log(chosen), 0)
            if place + 1 < longest:
                texts.read(tokens[:, place])
        return found

    def read(self, text: str) -> NDArray[np.int64]:
        """The tokens of a text, its end if it is long: a whole line must still have room behind it."""
        return self.characters.encode(text)[-(self.context - LONGEST) :]
