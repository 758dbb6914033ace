"""The settings of seven text classifiers: of the classical ones as validation data chose them.

The networks' are usual ones for texts of these lengths and have not been searched. For each method its year, what of a
text it looks at, and how it learns. Sets of short texts want stems, and more smoothing, since most words stand in few
of their texts; the long film reviews are cut at spaces, as the corpus is.
"""

from dataclasses import replace
from typing import Any

from upslope.text.vocabulary import Terms
from upslope.training.text_methods import Recipe

PAIRS, STEMS, SPACES = Terms(order=2), Terms(order=2, stems=True), Terms(order=2, at_spaces=True)
RECIPES = {
    one.name: one
    for one in (
        Recipe("naive-bayes", 1961, PAIRS, longest=4096),
        Recipe("svm", 1998, PAIRS, longest=4096),
        Recipe("nbsvm", 2012, PAIRS, longest=4096, strength=30.0),
        Recipe("bilstm", 2005, least=2, longest=200, size="bilstm-classifier", lr=5e-3),
        Recipe("textcnn", 2014, least=2, longest=300, size="textcnn-small", arguments={"word_dropout": 0.3}, lr=2e-3),
        Recipe("fasttext", 2016, PAIRS, least=2, longest=2000, size="fasttext-10", arguments={"dim": 32}, lr=1e-2),
        Recipe("transformer", 2017, least=2, size="text-transformer-small", lr=2e-3),
    )
}
# What is otherwise on one of the sets.
OF_DATA: dict[str, dict[str, dict[str, Any]]] = {
    "movie_reviews": {
        "naive-bayes": {"look": SPACES},
        "svm": {"look": SPACES},
        "nbsvm": {"look": SPACES},
    },
    "sst2": {
        "naive-bayes": {"look": STEMS, "least": 2, "strength": 2.0},
        "svm": {"look": STEMS, "strength": 0.3},
        "nbsvm": {"look": STEMS, "strength": 0.3, "beta": 0.5},
    },
    "ag_news": {
        "naive-bayes": {"look": Terms(stems=True)},
        "svm": {"look": STEMS},
        "nbsvm": {"look": STEMS, "strength": 1.0},
    },
}
# By which a run of all methods is judged: of the classical ones the best on validation data. On the toy a network.
BEST = {"movie_reviews": "nbsvm", "sst2": "nbsvm", "ag_news": "nbsvm", "toy": "textcnn"}


def recipe_of(name: str, data: str) -> Recipe:
    """The settings of a method on a data set."""
    return replace(RECIPES[name], **OF_DATA.get(data, {}).get(name, {}))
