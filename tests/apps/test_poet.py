"""What the poet writes scans, rhymes and is its own: on a model that only counts, over the toy of the verse."""

import json
import sys
from functools import partial

import numpy as np
import pytest

from upslope.apps.poet import FORMS, MESSY, NoPoem, Poet
from upslope.blocks.language.characters import Characters
from upslope.blocks.language.kneser_ney import KneserNey
from upslope.blocks.language.text_batch import CountedTexts
from upslope.cli.apps import poet as verb
from upslope.cli.main import main
from upslope.cli.terminal.exits import Exit
from upslope.data import cmudict, shakespeare
from upslope.data.tinyshakespeare import ALPHABET
from upslope.text.meter import Meter, last_word, words_of


@pytest.fixture(scope="module")
def lines():
    return shakespeare.toy(rng=np.random.default_rng(0), count=400)["text"]


@pytest.fixture(scope="module")
def poet(lines):
    characters = Characters(ALPHABET)
    counts = KneserNey(characters.encode("".join(lines)), order=4, vocab_size=len(characters))
    meter = Meter(cmudict.dictionary(cmudict.toy(rng=np.random.default_rng(0))))
    return Poet(partial(CountedTexts, counts), characters, context=128, lines=lines, meter=meter)


def couplets(poet, lines, count):
    """Each is right in every respect, whatever the seed."""
    learned = {line.strip() for line in lines}
    for seed in range(count):
        one, other = poet.poem("couplet", seed=seed)
        assert poet.meter.scans(one), one
        assert poet.meter.scans(other), other
        assert poet.meter.rhymes(last_word(one), last_word(other)), (one, other)
        assert last_word(one) != last_word(other)
        assert not {one, other} & learned
        assert not any(MESSY.search(line) for line in (one, other))
        assert {word for line in (one, other) for word in words_of(line)} <= poet.words
        assert other[-1] in "!?."


def test_couplets_scan_and_rhyme_and_are_copied_from_nowhere(poet, lines):
    couplets(poet, lines, 4)


@pytest.mark.deep
def test_two_hundred_couplets(poet, lines):
    couplets(poet, lines, 200)


def test_a_haiku_has_5_7_and_5_syllables(poet):
    for seed in range(2):
        poem = poet.poem("haiku", seed=seed)
        assert len(poem) == 3
        for line, count in zip(poem, (5, 7, 5), strict=True):
            assert sum(min(poet.meter.syllables(word)) for word in words_of(line)) == count, line


def test_the_same_seed_gives_the_same_poem_and_another_gives_another(poet):
    poems = [poet.poem("couplet", seed=seed) for seed in (3, 3, 4)]
    assert poems[0] == poems[1] != poems[2]


def test_a_poem_about_a_word_has_it_in_its_first_line(poet):
    for word in ("gold", "hope", "queen"):
        assert word in words_of(poet.poem("couplet", about=word, seed=1)[0])


def test_a_word_that_nobody_learned_is_said(poet):
    with pytest.raises(NoPoem, match='"dragon" is no word of the text'):
        poet.poem("couplet", about="dragon")


def test_a_search_that_finds_nothing_says_so(poet, monkeypatch):
    monkeypatch.setattr("upslope.apps.poet.TRIES", 1)
    monkeypatch.setattr(poet.meter, "advance", lambda places, word: frozenset())
    with pytest.raises(NoPoem, match=r"no line was found in 1 searches: try another --seed"):
        poet.poem("couplet")


def test_a_model_that_reads_too_little_is_refused(poet):
    with pytest.raises(NoPoem, match="the model reads 32: train it with context=128"):
        Poet(poet.write, poet.characters, context=32, lines=(), meter=poet.meter)


def test_a_score_is_the_probability_of_the_ending(poet, lines):
    """The product over its characters, each after all that stands before it."""
    endings = ["me.\n", "thee,\n", "the sea!\n"]
    found = poet.scored("\nMy love to speak at last in ", endings)
    for ending, score in zip(endings, found, strict=True):
        text, total = "\nMy love to speak at last in ", 0.0
        for character in ending:
            texts = poet.write(poet.characters.encode(text), rows=1)
            total += np.log(texts.following()[0, poet.characters.encode(character)[0]])
            text += character
        assert score == pytest.approx(total)


def test_names_keep_their_capital(poet):
    named = Poet(poet.write, poet.characters, context=128, lines=["So said I of Verona.\n", "The I"], meter=poet.meter)
    assert [named.written[word] for word in ("verona", "i", "of")] == ["Verona", "I", "of"]


def typed(*words, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["upslope", "app", "poet", *words])
    return main()


def test_the_verb_prints_a_poem(poet, monkeypatch, capsys):
    form = "couplet"
    monkeypatch.setattr(verb, "_poet", lambda run: (poet, "verse-0001"))
    assert typed("--form", form, "--seed", "2", monkeypatch=monkeypatch) == Exit.DONE
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert shown[: len(FORMS[form])] == poet.poem(form, seed=2)
    assert "verse-0001, seed 2" in shown
    assert typed("--form", form, "--seed", "2", "--json", monkeypatch=monkeypatch) == Exit.DONE
    said = json.loads(capsys.readouterr().out)
    assert said == {
        "form": form, "about": None, "seed": 2, "run": "verse-0001", "lines": poet.poem(form, seed=2)
    }  # fmt: skip


def test_without_a_run_it_says_what_to_type(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("UPSLOPE_HOME", str(tmp_path))
    assert typed(monkeypatch=monkeypatch) != Exit.DONE
    assert "no run of verse is finished yet: upslope lab verse" in capsys.readouterr().err
    assert typed("--about", "two words", monkeypatch=monkeypatch) == Exit.USAGE
    assert "--about takes one word of letters" in capsys.readouterr().err
