"""Words before tokens: the patterns that cut a text into pieces which no token crosses.

A. Radford et al., "Language Models are Unsupervised Multitask Learners" (GPT-2), 2019, section 2.2: without such cuts
byte pair encoding spends its vocabulary on "dog.", "dog!" and "dog?". A space belongs to the word after it, so that
the pieces together are the text, and nothing has to be said about where spaces go. Later models cut numbers otherwise.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import regex  # type: ignore[import-untyped]

# English contractions, then letters, digits and other signs, each with a space before them; then blanks, of which the
# last one is left to the word that follows.
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# SmolLM2's: every digit is a word of its own, and no space belongs to it.
SMOLLM = r"\p{N}|'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+"
# Llama 3's: contractions in capitals, too, up to three digits, any one sign before a word, line breaks by themselves.
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
# By the names that GGUF files give them.
PATTERNS = {"gpt-2": GPT2, "smollm": SMOLLM, "llama-bpe": LLAMA3}

# GPT-2's for texts in ASCII, in the terms of Python's own `re`, which is twice as fast and knows no \p.
_GPT2_ASCII = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII)


@cache
def _compiled(pattern: str) -> Any:
    return regex.compile(pattern)


def splitter(pattern: str = GPT2) -> Callable[[str], list[str]]:
    """The function from a text to its words; what the pattern does not match is left out."""
    find: Callable[[str], list[str]] = _compiled(pattern).findall
    if pattern != GPT2:
        return find

    def split(text: str) -> list[str]:
        return _GPT2_ASCII.findall(text) if text.isascii() else find(text)

    return split


def words_with_places(text: str, pattern: str = GPT2) -> Iterator[tuple[int, str]]:
    """Each word and where it begins."""
    for found in _compiled(pattern).finditer(text):
        yield found.start(), found[0]
