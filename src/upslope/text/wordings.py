"""Three wordings for each of three tasks: a bare form, one whose fields are named, and a sentence to be completed.

T. Schick, H. Schütze, "Exploiting Cloze Questions for Few-Shot Text Classification and Natural Language Inference",
2021, https://aclanthology.org/2021.eacl-main.20/: the words in which a task is put decide what a small model does.
"""

from upslope.text.prompts import Wording

_OPINION = (" negative", " positive")
_TOPICS = (" World", " Sports", " Business", " Technology")
_KINDS = (" abbreviation", " description", " entity", " person", " location", " number")

# By the name of the data set; the first wording is what somebody writes who has not thought about it.
WORDINGS = {
    "sst2": (
        Wording("bare", "Text: {text}\nLabel:", _OPINION),
        Wording("named", "Review: {text}\nSentiment:", _OPINION),
        Wording("sentence", "{text} All in all, the film was", (" terrible", " great")),
    ),
    "ag_news": (
        Wording("bare", "Text: {text}\nLabel:", _TOPICS),
        Wording("named", "Article: {text}\nTopic:", _TOPICS),
        Wording("sentence", "{text}\nThis is news about", (" politics", " sports", " business", " technology")),
    ),
    "trec_questions": (
        Wording("bare", "Text: {text}\nLabel:", _KINDS),
        Wording("named", "Question: {text}\nAnswer type:", _KINDS),
        Wording(
            "sentence",
            "{text} The answer is a kind of",
            (" abbreviation", " description", " thing", " person", " place", " number"),
        ),
    ),
}
