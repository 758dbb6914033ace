"""Signs that a terminal's encoding lacks are written in plain letters, never as rows of question marks."""

from io import BytesIO, TextIOWrapper

import pytest

from upslope.academy.lessons import steps
from upslope.cli.terminal import plain


def written(text, encoding):
    plain.register()
    return text.encode(encoding, plain.NAME).decode(encoding)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("∂L/∂x = −2(y − ŷ)", "dL/dx = -2(y - y^)"),
        ("softmax(x)ᵢ = eˣⁱ / Σⱼ eˣʲ", "softmax(x)_i = e^xi / sum_j e^xj"),
        ("Q Kᵀ / √d", "Q K^T / sqrtd"),
        ("σ² ≥ 0, 2σ, βx, εμ", "sigma^2 >= 0, 2 sigma, beta x, epsilon mu"),
        ("a → b, x⁻¹, ‖w‖ ≤ ∞", "a -> b, x^-1, ||w|| <= inf"),
        ("━━━━╸  ████▌░░", "-----  #####.."),
        ("⌊7 / 2⌋ ½", "floor(7 / 2) 1/2"),
    ],
)
def test_formulas_and_bars_in_ascii(text, said):
    assert written(text, "ascii") == said


def test_an_encoding_keeps_what_it_has():
    assert written("3 × 4 ± ½, Müller, σ²", "cp1252") == "3 × 4 ± ½, Müller, sigma²"


def test_what_has_no_plain_form_is_a_question_mark():
    assert written("日", "ascii") == "?"


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_every_lesson_can_be_read(encoding):
    for step in steps():
        text = step.title + step.body
        assert written(text, encoding).count("?") == text.count("?"), step.name


def test_the_command_line_writes_so(upslope, monkeypatch):
    raw = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(raw, encoding="cp1252"))
    from upslope.cli.main import main

    assert main(["learn", "softmax"]) == 0
    said = raw.getvalue().decode("cp1252")
    assert "??" not in said
    assert "sum" in said
