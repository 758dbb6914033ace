"""However a text is cut into pieces, it ends before its first stop word, and no part of one is shown."""

from hypothesis import given
from hypothesis import strategies as st

from upslope.ship.language.stop_words import StopWords

LETTERS = st.text("ab\n", max_size=30)


@given(LETTERS, st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3), st.randoms())
def test_the_text_before_the_first(text, words, random):
    stop, shown, rest = StopWords(words), "", text
    while rest:
        count = random.randint(1, 3)
        shown += stop.push(rest[:count])
        whole = text[: len(text) - len(rest) + count]
        assert whole.startswith(shown)
        assert not any(word in shown for word in words)
        rest = rest[count:]
        if stop.found:
            break
    shown += stop.flush()
    ends = [text.index(word) + len(word) for word in words if word in text]
    if not ends:
        assert (shown, stop.found) == (text, "")
    else:
        assert stop.found
        assert text[len(shown) :].startswith(stop.found)
        assert len(shown) + len(stop.found) <= min(ends) + 3  # of words in one piece the one that begins first


def test_what_cannot_become_a_stop_word_is_shown_at_once():
    stop = StopWords(("###",))
    assert [stop.push(piece) for piece in ("Hi", " #", "1", "##", "# x")] == ["Hi", " ", "#1", "", ""]
    assert stop.found == "###"
    assert stop.push("more") == ""
