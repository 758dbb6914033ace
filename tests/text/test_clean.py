"""Damage is undone to the last character, in every script; what is sound stays; each change says where it was."""

import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from upslope.data import udhr
from upslope.text import damage
from upslope.text.alignment import Aligned, Edit
from upslope.text.clean import clean
from upslope.text.mojibake import undo_mojibake
from upslope.text.scripts import main_script, script, scripts
from upslope.text.token import UnreadableText

SOUND = (
    "CAFÉ» et voilé\xa0» déjà\xa0» là\xa0!",  # French quotation marks behind letters
    "groß“, sagte sie, „Spaß“",
    "VÝŠKA, ÍŠ, PŘÍŠTÍ",  # Czech capitals
    "MANHÃ »", "2×½ = 1", "Ñandú™ Ö› ÀÉÎ",
    "می‌خواهم", "क्‍ष", "ភាសា\u200bខ្មែរ",  # joiners, and places where a line may break
    "👩\u200d🚀 👨‍👩‍👧‍👦 ❤️\u200d🔥",
    "AT&T; R&D; a && b; <p>caf&eacute; &amp; bar</p>",
    "a\r\nb\x85c\u2028d\t", "", "plain ASCII", "한글", "ｆｕｌｌ ﬁ ①",
)  # fmt: skip


@pytest.mark.parametrize("text", [unicodedata.normalize("NFC", text) for text in SOUND])
def test_what_is_sound_stays(text):
    cleaned = clean(text)
    assert (cleaned.text, cleaned.changes) == (text, ())


@pytest.mark.parametrize(
    ("text", "repaired", "kind"),
    [
        ("cafÃ©", "café", "mojibake"),
        ("cafÃƒÂ©", "café", "mojibake"),
        ("â€œHiâ€\x9d", "“Hi”", "mojibake"),
        ("Ð”Ð°", "Да", "mojibake"),
        ("KoÉ›É›g 17", "Koɛɛg 17", "mojibake"),
        ("KAYÃ„NANPAQ", "KAYÄNANPAQ", "mojibake"),
        ("Ärger; user: cafÃ©", "Ärger; user: café", "mojibake"),
        ("&eacute;t&#233; &amp; &#x416;", "été & Ж", "HTML entity"),
        ("&amp;eacute;", "é", "HTML entity"),
        ("it\x92s", "it’s", "control character"),
        ("&#146;", "’", "HTML entity"),
        ("\ufeffone\n\ufefftwo", "one\ntwo", "byte order mark"),
        ("a\u200bb\u2060c\ufeffd\u200de", "abcde", "zero-width character"),
        ("e\u0301te\u0301", "été", "normal form"),
        ("\u1112\u1161\u11ab", "한", "normal form"),
        ("q\u0323\u0307 \u1e0b\u0323", "q\u0323\u0307 \u1e0d\u0307", "normal form"),
    ],
)
def test_each_kind_of_damage(text, repaired, kind):
    cleaned = clean(text)
    assert cleaned.text == repaired
    assert kind in cleaned.counts()
    assert clean(repaired).text == repaired


def test_changes_say_where_they_were_in_the_original():
    text = "\ufeffx &Atilde;&copy; y\u200b e\u0301\n"
    cleaned = clean(text)
    assert cleaned.text == "x é y é\n"
    for change in cleaned.changes:
        if change.kind in ("HTML entity", "byte order mark", "zero-width character", "normal form"):
            assert text[change.start : change.end] == change.before
    (mojibake,) = (change for change in cleaned.changes if change.kind == "mojibake")
    assert (mojibake.before, mojibake.after) == ("Ã©", "é")
    assert text[mojibake.start : mojibake.end] == "&Atilde;&copy;"


def test_a_lone_surrogate_is_refused():
    with pytest.raises(UnreadableText, match="lone surrogate"):
        clean("a\udc80")


def damaged(texts, rng):
    """(kind, text, damaged) for each kind that leaves a trace."""
    for text in texts:
        for kind, damage_it in damage.KINDS.items():
            broken = damage_it(text, rng)
            if broken != text:
                yield kind, text, broken


def test_toy_texts_come_back():
    rng = np.random.default_rng(0)
    texts = udhr.toy(rng=rng, count=44)["text"]
    found = list(damaged(texts, rng))
    assert {kind for kind, _, _ in found} == set(damage.KINDS)
    wrong = [(kind, text) for kind, text, broken in found if clean(broken).text != text]
    assert wrong == []
    assert all(clean(text).text == text for text in texts)


@pytest.mark.deep
@pytest.mark.needs("data")
def test_no_sound_line_of_any_language_is_changed():
    for part in ("train", "validation", "test"):
        dataset = udhr.load(part, quiet=True)
        assert len(dataset) == udhr.CARD.splits[part]
        assert [text for text in dataset["text"] if clean(text).text != text] == []


@pytest.mark.deep
@pytest.mark.needs("data")
def test_ftfy_restores_no_more():
    """Of each kind of damage, in more than 20 scripts."""
    ftfy = pytest.importorskip("ftfy")
    rng = np.random.default_rng(5)
    texts = udhr.load("validation", quiet=True)["text"]
    texts = [texts[number] for number in rng.permutation(len(texts))[:600]]
    assert len({main_script(text) for text in texts}) > 20
    ours, theirs = dict.fromkeys(damage.KINDS, 0), dict.fromkeys(damage.KINDS, 0)
    for kind, text, broken in damaged(texts, rng):
        ours[kind] += clean(broken).text == text
        theirs[kind] += ftfy.fix_text(broken, uncurl_quotes=False, fix_latin_ligatures=False) == text
    assert all(ours[kind] >= theirs[kind] for kind in damage.KINDS), (ours, theirs)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_one_layer_is_undone_whatever_the_text(text):
    for encoding in ("latin-1", "cp1252"):
        assert undo_mojibake(damage.misread(text, encoding)) == text


@given(st.text(alphabet=st.characters(codec="utf-8")))
@example("\x9aÄ\xa0")  # a control that becomes the letter before, and then makes the evidence stronger
def test_cleaning_ends_in_form_c_and_again_changes_nothing(text):
    once = clean(text).text
    assert unicodedata.is_normalized("NFC", once)
    assert clean(once).text == once


@given(
    st.text(max_size=12), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3), st.text(max_size=2)), max_size=4)
)
def test_edits_keep_places(text, wishes):
    aligned = Aligned(text)
    for start, length, new in wishes:
        first = min(start, len(aligned.text))
        last = min(first + length, len(aligned.text))
        origin = aligned.origin(first, last)
        assert 0 <= origin[0] <= origin[1] <= len(text)
        kept = aligned.text[last:]
        aligned.apply([Edit(first, last, new)])
        assert aligned.text.endswith(kept)
    for place, character in enumerate(aligned.text):
        begin, end = aligned.origin(place, place + 1)
        assert character in text[begin:end] or any(character in new for _, _, new in wishes)


def test_scripts():
    assert script("é") == "Latin"
    assert script("й") == "Cyrillic"
    assert script(" ") == ""
    assert list(scripts("abж")) == ["Latin", "Cyrillic"]
    assert main_script("123 !") == ""
    assert main_script("漢字かな漢") == "Han"
