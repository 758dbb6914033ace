"""Unigram tokenizers beside sentencepiece, on models that it trains here, with T5's options among others."""

import io
import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest

from upslope.text.double_array import read_replacements
from upslope.text.sentencepiece_file import CONTROL, UNKNOWN, Piece, SentencePieceModel, parse_sentencepiece
from upslope.text.token import BadTokenizer, UnreadableText
from upslope.text.unigram import SENTINELS, Unigram, sample_pieces
from upslope.text.viterbi import viterbi

COUNTS = [200, pytest.param(10_000, marks=pytest.mark.deep)]
T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
OPTIONS = {
    "t5": {"vocab_size": 900, **T5},
    "bytes": {"vocab_size": 1000, "byte_fallback": True},
    "spaces": {"vocab_size": 800, "add_dummy_prefix": False, "remove_extra_whitespaces": False},
    "own": {"vocab_size": 800, "user_defined_symbols": ["<x>", "neural", "[SEP]", "'s"]},
    "suffix": {"vocab_size": 800, "treat_whitespace_as_suffix": True, "normalization_rule_name": "nfkc_cf"},
    "identity": {"vocab_size": 800, "normalization_rule_name": "identity"},
}
SCORES = {"h": -3.0, "u": -3.0, "g": -3.0, "hu": -4.0, "ug": -3.5}


QUICK = ("t5", "bytes")


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=() if name in QUICK else pytest.mark.deep) for name in OPTIONS]
)
def both(request, lines):
    """The same model in both libraries."""
    return trained(lines, **OPTIONS[request.param])


@pytest.fixture(scope="module")
def lines(prose, languages):
    return [*prose[:500], *languages[:8]]


@pytest.fixture(scope="module")
def t5(lines):
    return trained(lines, **OPTIONS["t5"])


def trained(texts, **options):
    sentencepiece = pytest.importorskip("sentencepiece")
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=file, model_type="unigram", num_threads=1, minloglevel=2, **options
    )
    content = file.getvalue()
    return sentencepiece.SentencePieceProcessor(model_proto=content), Unigram(parse_sentencepiece(content, "x.model"))


def test_worked_numbers():
    assert viterbi("hug", SCORES, longest=2, unknown=-9) == ["h", "ug"]
    assert viterbi("hugs", SCORES, longest=2, unknown=-9) == ["h", "ug", "s"]
    assert viterbi("", SCORES, longest=2, unknown=-9) == []


def cuts(text):
    """All ways to cut a text."""
    for count in range(len(text)):
        for places in itertools.combinations(range(1, len(text)), count):
            yield [text[a:b] for a, b in itertools.pairwise((0, *places, len(text)))]


def test_viterbi_is_the_best_of_all_cuts():
    rng = np.random.default_rng(0)
    for _ in range(50):
        scores = {"".join(rng.choice(list("ab"), size=rng.integers(1, 4))): -float(rng.uniform(1, 5)) for _ in range(8)}
        text = "".join(rng.choice(list("ab"), size=7))

        def score(cut, scores=scores):
            return sum(scores.get(piece, -9.0 if len(piece) == 1 else -math.inf) for piece in cut)

        found = viterbi(text, scores, longest=3, unknown=-9.0)
        assert score(found) == pytest.approx(max(map(score, cuts(text))))


@pytest.mark.parametrize("count", COUNTS)
def test_ids_are_those_of_sentencepiece(both, fuzzed, count):
    theirs, ours = both
    for text in fuzzed(count):
        assert ours.encode(text).tolist() == theirs.encode(text), ascii(text)


def test_long_texts_are_cut_as_by_sentencepiece():
    """Few letters, so that many cuts are equally good and rounding decides, also after a hundred thousand letters."""
    draw = random.Random(0)
    lines = ["".join(draw.choices("aaab ", k=60)) for _ in range(300)]
    theirs, ours = trained(lines, vocab_size=30, hard_vocab_limit=False)
    text = "".join(draw.choices("aaab ", k=150_000))
    assert ours.encode(text).tolist() == theirs.encode(text)


@pytest.mark.parametrize("count", COUNTS)
def test_places_are_those_of_sentencepiece(t5, fuzzed, count):
    theirs, ours = t5
    for text in fuzzed(count):
        content = text.encode()
        found = theirs.encode(text, return_type="proto").pieces
        expected = [(len(content[: p.begin].decode()), len(content[: p.end].decode())) for p in found]
        assert [(token.start, token.end) for token in ours.tokens(text)] == expected, ascii(text)


@pytest.mark.parametrize("count", COUNTS)
def test_texts_are_decoded_as_by_sentencepiece(both, fuzzed, count):
    theirs, ours = both
    for text in fuzzed(count):
        ids = theirs.encode(text)
        assert ours.decode(ids) == theirs.decode(ids), ascii(text)


def test_bytes_are_decoded_again(lines):
    _, ours = trained(lines, vocab_size=700, byte_fallback=True)
    assert ours.decode(ours.encode("a snowman ☃ in 北京")) == "a snowman ☃ in 北京"


def test_sentinels_are_t5s(t5):
    transformers = pytest.importorskip("transformers")
    plain = t5[1]
    ours = Unigram(plain.model, sentinels=SENTINELS)
    theirs = transformers.T5Tokenizer(extra_ids=SENTINELS)  # without pieces, whose place the first three ids take
    assert len(ours) == len(plain) + 100
    last = len(ours) - 1 - theirs.convert_tokens_to_ids("<extra_id_0>")
    for sentinel in (0, 1, 99):
        name = f"<extra_id_{sentinel}>"
        assert ours.special[name] == last + theirs.convert_tokens_to_ids(name)
    first = ours.special["<extra_id_0>"]
    text = "a <extra_id_0> c"
    assert first not in ours.encode(text)
    allowed = ours.encode(text, allowed=["<extra_id_0>"]).tolist()
    assert allowed == [*ours.encode("a"), first, *ours.encode("c")]
    assert ours.decode([first]) == "<extra_id_0>"
    assert ours.decode([1, 0]) == ""


def test_samples_come_as_often_as_they_are_probable():
    """Chi-square over all cuts of "hughug": at the 99.9th percentile of the distribution."""
    from scipy.stats import chi2

    def score(cut):
        return sum(SCORES.get(piece, -9.0 if len(piece) == 1 else -math.inf) for piece in cut)

    for alpha in (0.0, 0.5, 1.0):
        possible = [tuple(cut) for cut in cuts("hughug") if score(cut) > -math.inf]
        weights = np.exp([alpha * score(cut) for cut in possible])
        rng, draws = np.random.default_rng(0), 1000
        drawn = Counter(
            tuple(sample_pieces("hughug", SCORES, longest=2, unknown=-9.0, alpha=alpha, rng=rng)) for _ in range(draws)
        )
        assert set(drawn) <= set(possible)
        expected = weights / weights.sum() * draws
        counts = np.array([drawn[cut] for cut in possible])
        frequent = expected >= 5
        statistic = ((counts - expected)[frequent] ** 2 / expected[frequent]).sum()
        assert statistic < chi2.ppf(0.999, frequent.sum() - 1)


def test_samples_say_the_text_and_a_high_alpha_the_best(t5):
    _, ours = t5
    rng = np.random.default_rng(0)
    text = "The gradient of the loss"
    assert {ours.decode(ours.sample(text, rng=rng, alpha=0.3)) for _ in range(20)} == {text}
    assert len({tuple(ours.sample(text, rng=rng, alpha=0.3)) for _ in range(20)}) > 3
    assert ours.sample(text, rng=rng, alpha=200).tolist() == ours.encode(text).tolist()


def test_the_table_of_characters_is_that_of_nfkc(t5):
    import unicodedata

    table = read_replacements(t5[1].model.table)
    assert table["ﬁ"] == "fi"
    assert table["\t"] == " "
    assert table["\u200b"] == " "
    single = {
        key: value for key, value in table.items() if len(key) == 1 and unicodedata.ucd_3_2_0.category(key) == "Lo"
    }
    assert len(single) > 1000
    assert all(unicodedata.normalize("NFKC", key) == value for key, value in single.items())


def test_damaged_files_are_one_sentence(lines, tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    file = io.BytesIO()
    options = {"vocab_size": 300, "num_threads": 1, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=file, model_type="bpe", **options
    )
    with pytest.raises(BadTokenizer, match=r"b\.model is a SentencePiece model of the kind BPE; only unigram"):
        parse_sentencepiece(file.getvalue(), "b.model")
    path = tmp_path / "x.model"
    for content in (b"", b"\xff" * 40, b"plain text, no model at all\n", b"\x0a\x05abc", b"\x0a\x02\x08\x01"):
        path.write_bytes(content)
        with pytest.raises(BadTokenizer, match=r"x\.model is no SentencePiece model"):
            Unigram.read(path)


@pytest.mark.parametrize("seed", range(3))
def test_damage_is_never_a_fault(t5, seed):
    """Bytes that are changed at random give a model or one sentence."""
    rng = np.random.default_rng(seed)
    whole, table, said = bytearray(t5[0].serialized_model_proto()), t5[1].model.table, []
    for _ in range(4):
        damaged = bytearray(whole)
        for place in rng.integers(0, 4000, size=3):
            damaged[place] = rng.integers(256)
        said += refused(parse_sentencepiece, bytes(damaged[: rng.integers(100, len(whole))]), "x.model")
    for length in (1, 4, 100, 5000):
        said += refused(read_replacements, table[:length])
    for _ in range(4):
        damaged = bytearray(table)
        for place in rng.integers(0, len(table), size=20):
            damaged[place] = rng.integers(256)
        said += refused(read_replacements, bytes(damaged))
    assert len(said) > 3
    assert all("\n" not in sentence for sentence in said)


def refused(call, *given):
    """The sentence with which something is refused, if it is."""
    try:
        call(*given)
    except BadTokenizer as problem:
        return [str(problem)]
    return []


def test_models_that_cannot_be_used():
    pieces = (Piece("<unk>", 0.0, UNKNOWN), Piece("</s>", 0.0, CONTROL))
    with pytest.raises(BadTokenizer, match="pieces with scores, and this one has none"):
        Unigram(SentencePieceModel(pieces))
    with pytest.raises(BadTokenizer, match="one unknown piece, and this one has 0"):
        Unigram(SentencePieceModel(pieces[1:]))
    with pytest.raises(BadTokenizer, match="falls back to bytes, and has 0 of 256"):
        Unigram(SentencePieceModel((*pieces, Piece("a", -1.0)), byte_fallback=True))


def test_a_lone_surrogate_is_refused():
    ours = Unigram(SentencePieceModel((Piece("<unk>", 0.0, UNKNOWN), Piece("a", -1.0))))
    for call in (ours.encode, ours.tokens, lambda text: ours.sample(text, rng=np.random.default_rng(0))):
        with pytest.raises(UnreadableText, match="character 1 of the text is a lone surrogate"):
            call("a\ud800")
