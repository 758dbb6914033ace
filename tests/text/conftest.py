"""Texts that tokenizers get wrong: characters of all planes, lone marks, joined emoji, runs of blanks, 20 languages."""

import os
import random
import unicodedata
from collections.abc import Callable

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

LANGUAGES = (
    "All human beings are born free and equal in dignity and rights; they're endowed with reason.",
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren, auch die Größten.",
    "Tous les êtres humains naissent libres et égaux en dignité et en droits : c'est l'article 1er.",
    "Todos los seres humanos nacen libres e iguales. ¿Y usted, señor?",
    "Tutti gli esseri umani nascono liberi ed eguali perché è così.",
    "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności.",
    "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. İSTANBUL ılık",
    "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm.",
    "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.",
    "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan.",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια. ΟΔΥΣΣΕΥΣ",
    "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "Всі люди народжуються вільними і рівними у своїй гідності; її права.",
    "כל בני האדם נולדו בני חורין ושווים בערכם. שָׁלוֹם",
    "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق. ١٩٤٨",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์",
    "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。",
    "すべての人間は、生まれながらにして自由であり、ｶﾀｶﾅ、平等である。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 가",
)
ODD = (
    *(
        " ",
        "  ",
        "   ",
        " \n ",
        "\n",
        "\r\n",
        "\r\n\r\n",
        "\t",
        "\t\t",
        "\u00a0",
        "\u3000",
        "\u2028",
        "\x1c",
        "\x85",
        "\x0b",
    ),
    *("\u0301", "e\u0301", "\u0338", "\ufe0f", "\u200d", "\u200b", "\ufeff", "\ufffd", "\u00ad", "\0", "\x07", "\x7f"),
    *("👨‍👩‍👧‍👦", "🏳️‍🌈", "👩🏽‍🚀", "🇩🇪🇫🇷", "1️⃣", "☺️", "𝔘𝔫𝔦", "ﬁ", "①", "½", "Ⅷ", "ß", "ẞ", "İ", "ı", "Σ", "ς"),
    *(
        "'s",
        "'re",
        "'LL",
        "don't",
        "I'd've",
        "12345678",
        "3.14",
        "a" * 70,
        "ab" * 40,
        "=" * 30,
        "___",
        "[UNK]",
        "▁",
        "##a",
    ),
    *("<|endoftext|>", "[SEP]", "</s>", "<unk>", "<extra_id_0>", "def f(x):\n    return {'a': x**2}  # why\n"),
    *(
        '{"key": [1, 2, null]}',
        "for (int i = 0; i < n; ++i) {\r\n\t*p++;\r\n}",
        "SELECT * FROM t WHERE a >= 1;",
        "naïve café",
    ),
)

# Of the characters of Unicode 3.2 those that are letters, marks or punctuation in one version and not in another.
MOVED = "\u166d\u1734\u1885\u1886"


def assigned_long_ago(character: str) -> bool:
    """Whether the character's class is the same in every version of Unicode that a library may hold."""
    known = unicodedata.ucd_3_2_0.category(character)
    return known != "Cn" and known[0] == unicodedata.category(character)[0]


def _character(draw: random.Random) -> str:
    top = draw.choice((0x80, 0x3000, 0x3000, 0x10000, 0x20000, 0x110000))
    while True:
        number = draw.randrange(top)
        if not 0xD800 <= number < 0xE000:
            return chr(number)


def _text(draw: random.Random) -> str:
    parts = []
    for _ in range(draw.randint(1, 8)):
        kind = draw.random()
        if kind < 0.35:
            line = draw.choice(LANGUAGES)
            begin = draw.randrange(len(line))
            parts.append(line[begin : begin + draw.randint(1, 40)])
        elif kind < 0.7:
            parts.append(draw.choice(ODD))
        else:
            parts.append("".join(_character(draw) for _ in range(draw.randint(1, 5))))
    return "".join(parts)


@pytest.fixture(scope="session")
def fuzzed() -> Callable[..., list[str]]:
    """`fuzzed(400)`: so many texts; with `keep`, without the characters of which it says no."""

    def fuzzed(count: int, *, keep: Callable[[str], bool] | None = None) -> list[str]:
        texts = [_text(random.Random(seed)) for seed in range(count)]
        if keep is None:
            return texts
        typed = set("".join((*LANGUAGES, *ODD)))
        return ["".join(c for c in text if c in typed or keep(c)) for text in texts]

    return fuzzed


@pytest.fixture(scope="session")
def old() -> Callable[[str], bool]:
    """Characters that every library knows alike: those of Unicode 3.2, and of planes that have none at all.

    Letters that Unicode got since then are letters for one peer and unknown signs for another.
    """

    def old(character: str) -> bool:
        return assigned_long_ago(character) or 0x40000 <= ord(character) < 0xE0000

    return old


@pytest.fixture(scope="session")
def keep(old: Callable[[str], bool]) -> Callable[[str], bool]:
    """The same without those that have moved from one class to another, for tokenizers that ask for classes."""
    return lambda character: old(character) and character not in MOVED


@pytest.fixture(scope="session")
def prose() -> list[str]:
    """English to learn from, some of it formulas: the lessons."""
    from upslope.academy.lessons import steps

    return [line for step in steps() for line in step.body.splitlines()]


@pytest.fixture(scope="session")
def languages() -> list[str]:
    return list(LANGUAGES)
