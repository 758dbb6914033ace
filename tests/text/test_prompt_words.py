"""Prompts as tokens; what the network has not learned is refused in one sentence, with the word."""

import pytest

from upslope.text.prompt_words import PromptRefused, PromptWords

WORDS = PromptWords.of(["a red seven", "a blue boot", "a red boot left of a blue seven"])


def test_words_are_numbered_in_alphabetical_order_between_begin_and_end():
    assert WORDS.words == ("a", "blue", "boot", "left", "of", "red", "seven")
    assert (WORDS.longest, WORDS.context, WORDS.end, WORDS.vocab_size) == (8, 10, 8, 9)
    assert WORDS("a red seven") == [0, 1, 6, 7, 8, 8, 8, 8, 8, 8]
    assert WORDS("a red boot left of a blue seven") == [0, 1, 6, 3, 4, 5, 1, 2, 7, 8]
    assert WORDS.empty == [0, *[8] * 9]


@pytest.mark.parametrize("prompt", ["A Red SEVEN", "  a\tred seven.\n", "an red 7", '"a red seven!"'])
def test_case_spaces_marks_and_digits_do_not_matter(prompt):
    assert WORDS(prompt) == WORDS("a red seven")


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("", "the prompt is empty: write what is to be seen in words such as blue"),
        (" \n . ", "the prompt is empty: write what"),
        (
            "a purple elephant",
            'the network has never learned what "purple" is: it knows a, blue, boot, left, of, red, seven',
        ),
        ("a red sevn", 'the network has never learned what "sevn" is; did you mean seven?'),
        ("red " * 500, 'the prompt has 500 words, and the network reads 8: it would be cut before the word "red"'),
        ("red " * 499 + "cat", 'the network has never learned what "cat" is: it knows'),
        ("a " + "x" * 1000, f'the network has never learned what "{"x" * 40}..." is: it knows'),
        ("a re\x00d", 'the network has never learned what "re?d" is; did you mean red?'),
    ],
)
def test_what_it_cannot_read_is_one_sentence_with_the_word(prompt, sentence):
    with pytest.raises(PromptRefused) as said:
        WORDS(prompt)
    assert str(said.value).startswith(sentence)
    assert "\n" not in str(said.value)
