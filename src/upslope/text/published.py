"""The tokenizer of a published model: read from the model's own file, described in JSON, and made again from that.

A converted file of weights carries the description in its metadata, so that one file is enough to use a model.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from upslope.runs.errors import DataProblem
from upslope.runs.workspace import short
from upslope.text.bpe import ByteLevelBPE
from upslope.text.byte_alphabet import read
from upslope.text.pretokenize import PATTERNS
from upslope.text.token import BadTokenizer
from upslope.text.tokenizer_file import read_tokenizer
from upslope.text.wordpiece import WordPiece

# What ends a turn or a text, in the vocabularies of the families that are read here.
ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>")
FRAME = ("[UNK]", "[CLS]", "[SEP]", "[PAD]")  # what a model of BERT's kind needs around texts
CONTROL = (3, 4)  # of llama.cpp's token types: control tokens, and those added by whoever trained the model


@dataclass(frozen=True)
class PublishedTokenizer:
    """A vocabulary and what its model expects around a text."""

    kind: str  # "byte-level-bpe" or "wordpiece"
    tokens: list[str]
    merges: list[str]  # "left right", in order of rank
    pattern: str = ""
    special: tuple[str, ...] = ()
    begin: str = ""  # the token before every text, where the model wants one
    ends: tuple[str, ...] = ()
    template: str = ""  # of a chat, in Jinja
    lowercase: bool = True

    def to_json(self) -> str:
        """For the metadata of a file."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "PublishedTokenizer":
        """The inverse of `to_json`; ValueError where it is none."""
        try:
            read = json.loads(text)
            return cls(**{**read, "special": tuple(read["special"]), "ends": tuple(read["ends"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"no description of a tokenizer: {error}") from None

    def byte_level(self) -> ByteLevelBPE:
        """The tokenizer of a causal model."""
        if self.kind != "byte-level-bpe":
            raise ValueError(f"a {self.kind} vocabulary continues no texts")
        if self.pattern not in PATTERNS:
            raise ValueError(f'there is no pattern "{self.pattern}" for words (patterns: {", ".join(PATTERNS)})')
        pairs = [(read(left), read(right)) for left, _, right in (merge.partition(" ") for merge in self.merges)]
        made, special = {left + right for left, right in pairs}, set(self.special)
        # A special token is not made of text, unless a merge makes it; some have characters that stand for no byte.
        vocab = {read(token): number for number, token in enumerate(self.tokens) if token not in special}
        ids = {token: number for number, token in enumerate(self.tokens) if token in special}
        vocab |= {token.encode(): number for token, number in ids.items() if token.encode() in made}
        return ByteLevelBPE(vocab, pairs, special=ids, pattern=PATTERNS[self.pattern], lossy=True)

    def wordpiece(self) -> WordPiece:
        """The tokenizer of a model of BERT's kind."""
        if self.kind != "wordpiece":
            raise ValueError(f"a {self.kind} vocabulary is not BERT's")
        if missing := [name for name in FRAME if name not in self.tokens]:
            raise ValueError(f"a vocabulary of BERT's kind has {', '.join(missing)}, and this one does not")
        vocab = {token: number for number, token in enumerate(self.tokens) if token}
        return WordPiece(vocab, lower=self.lowercase)


def of_gguf(settings: Mapping[str, Any], *, name: str) -> PublishedTokenizer:
    """The tokenizer in the settings of a GGUF file; DataProblem for a kind that is not read here."""
    kind = settings.get("tokenizer.ggml.model")
    if kind != "gpt2":
        raise DataProblem(f'{name} has a tokenizer of the kind "{kind}", and only byte-level BPE ("gpt2") is read here')
    pattern = settings.get("tokenizer.ggml.pre", "gpt-2")
    if pattern not in PATTERNS:
        known = ", ".join(PATTERNS)
        raise DataProblem(f'{name} cuts words by the pattern "{pattern}", which is not known here (known: {known})')
    tokens = settings["tokenizer.ggml.tokens"]
    types = settings.get("tokenizer.ggml.token_type", [1] * len(tokens))
    begin = settings.get("tokenizer.ggml.bos_token_id")
    ends = [settings.get(f"tokenizer.ggml.{which}_token_id") for which in ("eos", "eot")]
    return PublishedTokenizer(
        kind="byte-level-bpe",
        tokens=tokens,
        merges=settings["tokenizer.ggml.merges"],
        pattern=pattern,
        special=tuple(token for token, type_ in zip(tokens, types, strict=True) if type_ in CONTROL),
        begin=tokens[begin] if begin is not None and settings.get("tokenizer.ggml.add_bos_token", False) else "",
        ends=tuple(dict.fromkeys([*(tokens[i] for i in ends if i is not None), *(e for e in ENDS if e in tokens)])),
        template=settings.get("tokenizer.chat_template", ""),
    )


def of_vocabulary(path: Path, *, lowercase: bool | None = None) -> PublishedTokenizer:
    """The tokenizer of a vocab.txt or a tokenizer.json of BERT's kind; lower case unless the file says otherwise."""
    held = read_tokenizer(path)
    if not isinstance(held, WordPiece):
        raise BadTokenizer(f"{short(path)} is no WordPiece vocabulary: a vocab.txt or tokenizer.json of BERT's kind is")
    tokens = [""] * (max(held.vocab.values()) + 1)
    for token, number in held.vocab.items():
        tokens[number] = token
    lowercase = held.lower if lowercase is None else lowercase
    return PublishedTokenizer(kind="wordpiece", tokens=tokens, merges=[], lowercase=lowercase)
