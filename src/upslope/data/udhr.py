"""The Universal Declaration of Human Rights in 388 languages and spellings: one text, nearly every script in use.

United Nations, 1948; collected by the UDHR in Unicode project, https://www.unicode.org/udhr/, as NLTK's data package
udhr2 carries it. The text is free of rights.

A row is a line of the text, a paragraph or a title, in Unicode's normal form C. Of every ten lines of a language the
ninth is validation and the tenth test, so each part has all of them and no line twice. Lines with controls of
Windows-1252 in them (Kabuverdianu, Kongo, Scots) are left out: they were damaged before they came here.
"""

import unicodedata
import zipfile
from collections.abc import Iterator

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.features import Text
from upslope.runs.errors import DataProblem

CARD = DataCard(
    name="udhr",
    title="Universal Declaration of Human Rights, 388 languages",
    licence="public domain",
    homepage="https://www.unicode.org/udhr/",
    citation="United Nations (1948). Universal Declaration of Human Rights; UDHR in Unicode",
    features={"text": Text(), "language": Text()},
    splits={"train": 28826, "validation": 3503, "test": 3485},
    files=(
        File(
            name="udhr2.zip",
            sha256="0796c314b09a930c989c6f9d93d226af9af13feccd88496e196c743dd266c7f3",
            size=1_653_975,
            urls=("https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/udhr2.zip",),
            mirror="nltk_data/packages/corpora/udhr2.zip",
        ),
    ),
    note="language is the name of the file, mostly ISO 639-3: fra, zho_hans",
)
_SPLITS = {"train": range(8), "validation": (8,), "test": (9,)}


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test". Fetched at the first use."""
    if split not in _SPLITS:
        raise DataProblem(f'udhr has no split "{split}"; it has {", ".join(_SPLITS)}')
    rows = [
        (line, language)
        for language, lines in _languages(quiet=quiet)
        for number, line in enumerate(lines)
        if number % 10 in _SPLITS[split] and not any("\x80" <= c <= "\x9f" for c in line)
    ]
    return Dataset({"text": tuple(r[0] for r in rows), "language": tuple(r[1] for r in rows)}, CARD.features)


def _languages(*, quiet: bool) -> Iterator[tuple[str, list[str]]]:
    path = get(CARD, quiet=quiet) / CARD.files[0].name
    with zipfile.ZipFile(path) as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".txt")):
            text = unicodedata.normalize("NFC", archive.read(name).decode())
            lines = [line.strip() for line in text.split("\n")]
            yield name.removeprefix("udhr2/").removesuffix(".txt"), [line for line in lines if line]


# A few words in each of some scripts: from the first article.
WORDS = {
    "fra": "tous les êtres humains naissent libres et égaux en dignité et en droits « l’été »",
    "tur": "bütün insanlar hür haysiyet ve haklar bakımından eşit doğarlar",
    "vie": "tất cả mọi người sinh ra đều được tự do và bình đẳng",
    "ell": "όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια",
    "rus": "все люди рождаются свободными и равными в своём достоинстве",
    "heb": "כל בני האדם נולדו בני חורין ושווים בערכם",
    "pes": "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت برابرند",
    "hin": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता",
    "tha": "มนุษย์ทั้งหลาย เกิดมา มีอิสระ และ เสมอภาคกัน",
    "jpn": "すべての 人間は 生まれながらにして 自由で あり 平等で ある",
    "kor": "모든 인간은 태어날 때부터 자유로우며 존엄과 권리에 동등하다",
}


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Words of the first article in eleven languages, in any order: generated, without a file."""
    languages = [list(WORDS)[number % len(WORDS)] for number in range(count)]
    texts = [" ".join(rng.choice(WORDS[language].split(), size=rng.integers(4, 12))) for language in languages]
    rows = tuple(unicodedata.normalize("NFC", text) for text in texts)
    return Dataset({"text": rows, "language": tuple(languages)}, CARD.features)
