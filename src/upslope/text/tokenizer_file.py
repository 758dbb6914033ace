"""Tokenizers in files: read in the formats in which others publish them, written as the JSON of Hugging Face's library.

- tokenizer.json (https://huggingface.co/docs/tokenizers): byte-level BPE and WordPiece, read and written;
- GPT-2's two files: encoder.json (also vocab.json), the ids, and vocab.bpe (merges.txt), a merge a line;
- BERT's vocab.txt, a piece a line; SentencePiece's .model.

Left out: settings of tokenizer.json that none of ours has (normalizers before bytes, added tokens that are no special
ones, merges with an unknown token). They are refused, because ids would come out differently without a word.
"""

import json
from pathlib import Path
from typing import Any

from upslope.runs.files import write_atomically
from upslope.runs.workspace import short
from upslope.text.bpe import ByteLevelBPE
from upslope.text.byte_alphabet import read, written
from upslope.text.pretokenize import GPT2
from upslope.text.token import BadTokenizer, Tokenizer
from upslope.text.unigram import Unigram
from upslope.text.wordpiece import LONGEST, WordPiece

_KINDS = "a tokenizer is a tokenizer.json, a vocab.txt, a SentencePiece .model, or a folder with one of these"
_MOST_BYTES = 500_000_000

# What a text with no pre-tokenizer of its own goes through: GPT-2's pattern, then bytes.
_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True}
_BERT = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True}


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in a file, or in a folder under one of the usual names. BadTokenizer where there is none."""
    where = short(path)
    if path.is_dir():
        for ids, merges in (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")):
            if (path / ids).is_file() and (path / merges).is_file():
                return read_gpt2(path / ids, path / merges)
        inside = [path / name for name in ("tokenizer.json", "vocab.txt", "spiece.model", "tokenizer.model")]
        found = next((file for file in inside if file.is_file()), None)
        if found is None:
            raise BadTokenizer(f"there is no tokenizer in {where}: {_KINDS}")
        return read_tokenizer(found)
    match path.suffix.lower():
        case ".json":
            return _from_json(_json(path), where)
        case ".txt":
            pieces = [line.rstrip("\r") for line in _text(path).split("\n")]
            if len(set(pieces[:-1])) != len(pieces[:-1]) or "[UNK]" not in pieces:
                raise BadTokenizer(f"{where} is no WordPiece vocabulary: one has a piece a line, each once, and [UNK]")
            return WordPiece({piece: number for number, piece in enumerate(pieces) if piece})
        case ".model":
            return Unigram.read(_there(path))
    _there(path)
    raise BadTokenizer(f"{where} is no tokenizer by its name: {_KINDS}")


def read_gpt2(ids: Path, merges: Path) -> ByteLevelBPE:
    """The tokenizer of GPT-2's two files. What no merge makes is a special token."""
    vocab, where = _json(ids), short(merges)
    lines = [line for line in _text(merges).split("\n") if line and not line.startswith("#version")]
    pairs = [line.rstrip("\r").split(" ") for line in lines]
    if not isinstance(vocab, dict) or any(len(pair) != 2 for pair in pairs):
        raise BadTokenizer(f"{short(ids)} and {where} are not GPT-2's: ids of pieces, and two pieces a line")
    return _byte_level(vocab, pairs, {}, GPT2, where)


def write_tokenizer(tokenizer: ByteLevelBPE | WordPiece, path: Path) -> None:
    """Write a tokenizer as a tokenizer.json, which Hugging Face's library reads as well."""
    value = _bpe_json(tokenizer) if isinstance(tokenizer, ByteLevelBPE) else _wordpiece_json(tokenizer)
    added = [
        {
            "id": number,
            "content": name,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for name, number in sorted(tokenizer.special.items(), key=lambda item: item[1])
    ]
    whole = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, **value}
    write_atomically(path, (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode())


def _bpe_json(tokenizer: ByteLevelBPE) -> dict[str, Any]:
    split = {"type": "Split", "pattern": {"Regex": tokenizer.pattern}, "behavior": "Isolated", "invert": False}
    own = {"type": "Sequence", "pretokenizers": [split, {**_BYTE_LEVEL, "use_regex": False}]}
    vocab = {written(piece): number for piece, number in tokenizer.vocab.items()}
    return {
        "normalizer": None,
        "pre_tokenizer": _BYTE_LEVEL if tokenizer.pattern == GPT2 else own,
        "post_processor": None,
        "decoder": _BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab | dict(tokenizer.special),
            "merges": [[written(left), written(right)] for left, right in tokenizer.merges],
        },
    }


def _wordpiece_json(tokenizer: WordPiece) -> dict[str, Any]:
    return {
        "normalizer": {**_BERT, "strip_accents": not tokenizer.accents, "lowercase": tokenizer.lower},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": False},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": LONGEST,
            "vocab": tokenizer.vocab,
        },
    }


def _from_json(value: Any, where: str) -> Tokenizer:
    model = value.get("model") if isinstance(value, dict) else None
    kind = model.get("type") if isinstance(model, dict) else None
    if not isinstance(model, dict) or kind not in ("BPE", "WordPiece"):
        said = f"a tokenizer of the kind {kind}" if isinstance(kind, str) else "no tokenizer.json"
        raise BadTokenizer(f"{where} is {said}: byte-level BPE and WordPiece are read from JSON")
    added = value.get("added_tokens") or []
    try:
        special = {str(token["content"]): int(token["id"]) for token in added if token["special"]}
        if len(special) < len(added):
            raise BadTokenizer(f"{where} has added tokens that are no special tokens, which are not read")
        if kind == "WordPiece":
            return _wordpiece(value, model, where)
        return _byte_level(model["vocab"], model["merges"], special, _pattern(value, model, where), where)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadTokenizer(f"{where} is a damaged tokenizer.json: {type(error).__name__} {error}") from None


def _wordpiece(value: dict[str, Any], model: dict[str, Any], where: str) -> WordPiece:
    normalizer = value["normalizer"] or {}
    same = {**_BERT, **normalizer} == normalizer and value["pre_tokenizer"]["type"] == "BertPreTokenizer"
    if not same or (model["unk_token"], model["continuing_subword_prefix"]) != ("[UNK]", "##"):
        raise BadTokenizer(f"{where} is a WordPiece tokenizer that does not prepare its texts as BERT does")
    lower, strip = normalizer["lowercase"], normalizer["strip_accents"]
    return WordPiece(model["vocab"], lower=lower, accents=None if strip is None else not strip)


def _pattern(value: dict[str, Any], model: dict[str, Any], where: str) -> str:
    """The pattern of words; BadTokenizer where something else would happen to a text."""
    told = [name for name in ("dropout", "unk_token", "byte_fallback", "ignore_merges") if model.get(name)]
    told += [name for name in ("continuing_subword_prefix", "end_of_word_suffix") if model.get(name)]
    if value.get("normalizer"):
        told.append("a normalizer")
    step = value.get("pre_tokenizer") or {}
    pattern = GPT2
    if step.get("type") == "Sequence" and [each["type"] for each in step["pretokenizers"]] == ["Split", "ByteLevel"]:
        split, step = step["pretokenizers"]
        pattern = split["pattern"]["Regex"]
        if split["behavior"] != "Isolated" or split["invert"] or step["use_regex"]:
            told.append("a pattern that is used in another way")
    elif not step.get("use_regex", True):
        told.append("no pattern of words")
    if step.get("type") != "ByteLevel":
        told.append(f"the pre-tokenizer {step.get('type')}")
    elif step["add_prefix_space"]:
        told.append("add_prefix_space")
    if told:
        raise BadTokenizer(
            f"{where} is a BPE tokenizer with {', '.join(told)}, which is not read: it is to be byte-level"
        )
    return str(pattern)


def _byte_level(
    vocab: dict[str, int], merges: list[Any], special: dict[str, int], pattern: str, where: str
) -> ByteLevelBPE:
    pairs = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in merges]
    made = {"".join(pair) for pair in pairs}
    special = special | {piece: number for piece, number in vocab.items() if len(piece) > 1 and piece not in made}
    try:
        return ByteLevelBPE(
            {read(piece): int(number) for piece, number in vocab.items() if piece not in special},
            [(read(left), read(right)) for left, right in pairs],
            special=special,
            pattern=pattern,
        )
    except ValueError as error:
        raise BadTokenizer(f"{where} is no byte-level tokenizer: {error}") from None


def _there(path: Path) -> Path:
    if not path.is_file():
        raise BadTokenizer(f"{short(path)} is not there: no such file or folder")
    if path.stat().st_size > _MOST_BYTES:
        raise BadTokenizer(f"{short(path)} is no tokenizer: it has more than {_MOST_BYTES // 10**6} MB")
    return path


def _text(path: Path) -> str:
    try:
        return _there(path).read_bytes().decode()
    except UnicodeDecodeError:
        raise BadTokenizer(f"{short(path)} is no tokenizer: it is not text in UTF-8") from None


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (json.JSONDecodeError, RecursionError):
        raise BadTokenizer(f"{short(path)} is no tokenizer.json: it is not JSON") from None
