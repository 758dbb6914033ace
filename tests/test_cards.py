"""Cards are read from source text: right values, no imports, and a new file is found by itself."""

import subprocess
import sys

import pytest

from upslope import cards
from upslope.cards import DataCard, Expect, LabCard, discover


def test_what_is_read_from_text_is_what_the_module_holds():
    for room in ("labs", "data"):
        found = discover(room)
        assert found
        for entry in found.values():
            assert entry.card == entry.load().CARD


def test_discovering_imports_nothing_heavy():
    code = (
        "import sys; from upslope.cards import discover; discover('labs'), discover('data');"
        "print([m for m in ('numpy', 'sklearn', 'pydantic', 'yaml', 'matplotlib', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


CARD = """\"\"\"A lab.\"\"\"
from upslope.cards import Expect, LabCard

CARD = LabCard(
    name="new", title="t", paper="p", claim="c", domain="foundations", seconds={"smoke": 1}, data=("digits",),
    expect=(Expect(metric="accuracy", at_least=0.9, when={"data": "digits"}),), presets={"smoke": {"epochs": 1}},
)
"""


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "PACKAGE", tmp_path)
    (tmp_path / "labs" / "foundations").mkdir(parents=True)
    return tmp_path / "labs" / "foundations"


def test_a_file_dropped_in_is_found(room):
    (room / "new.py").write_text(CARD)
    found = discover("labs")["new"]
    assert found.module == "upslope.labs.foundations.new"
    assert isinstance(found.card, LabCard)
    assert found.card.expect == (Expect(metric="accuracy", at_least=0.9, when={"data": "digits"}),)


def test_a_card_that_computes_is_refused_with_its_line(room):
    (room / "new.py").write_text(CARD.replace("0.9", "1 - 0.1"))
    with pytest.raises(ValueError, match=r"new\.py, line 6: a card holds literals only, .* not 1 - 0\.1"):
        discover("labs")


NAMED = {"metric": '"accuracy"', "half": "0.5", "DIGITS": '{"data": "digits"}', "computed": "1 - 0.1"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('metric="accuracy"', "metric=metric", Expect(metric="accuracy", at_least=0.9, when={"data": "digits"})),
        ("0.9", "half", Expect(metric="accuracy", at_least=0.5, when={"data": "digits"})),
        (
            'when={"data": "digits"}',
            'when={"seed": 1, **DIGITS}',
            Expect(metric="accuracy", at_least=0.9, when={"seed": 1, "data": "digits"}),
        ),
        ("0.9", "computed", "line 10: .* not computed"),
        ("0.9", "later", "line 10: .* not later"),
        ('when={"data": "digits"}', "**DIGITS", r"line 10: .* not Expect\(metric='accuracy', .*\*\*DIGITS\)"),
    ],
)
def test_a_name_of_a_literal_above_the_card_is_that_literal(room, old, new, expected):
    above = "".join(f"{name} = {value}\n" for name, value in NAMED.items())
    assert CARD.count(old) == 1
    (room / "new.py").write_text(CARD.replace("CARD =", f"{above}CARD =").replace(old, new) + "later = 0.5\n")
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            discover("labs")
    else:
        assert discover("labs")["new"].card.expect == (expected,)


def test_a_name_that_is_given_again_has_no_literal_any_more(room):
    (room / "new.py").write_text(
        CARD.replace("CARD =", "bound = 0.5\nbound = bound + 0.1\nCARD =").replace("0.9", "bound")
    )
    with pytest.raises(ValueError, match="not bound"):
        discover("labs")


def test_two_files_with_one_name_are_refused(room):
    (room / "new.py").write_text(CARD)
    (room / "other.py").write_text(CARD)
    with pytest.raises(ValueError, match='two files of labs hold a card named "new"'):
        discover("labs")


@pytest.mark.parametrize(("value", "reached"), [(0.97, True), (0.969, False), (float("nan"), False)])
def test_a_target_is_reached_at_its_bound_and_never_by_nan(value, reached):
    assert Expect(metric="m", at_least=0.97).reached(value) is reached


def test_cards_are_frozen():
    card = next(iter(discover("data").values())).card
    assert isinstance(card, DataCard)
    with pytest.raises(AttributeError):
        card.name = "other"  # type: ignore[misc]
