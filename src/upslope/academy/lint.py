"""Linting an exercise: faults that can be found by reading its lesson, reference and checks.

Each function yields one sentence per fault. The author's check then runs what was read here.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from upslope.academy import guide, hints, stub, terms
from upslope.academy.checklist import BadChecks, CheckList, apply
from upslope.academy.grading.static.answer_families import belongs, stems
from upslope.academy.grading.static.source_check import library_names
from upslope.academy.lab_parts import settings_said
from upslope.academy.lessons import Return, Step
from upslope.academy.reference import Located, names_used, parse
from upslope.cards import Found, discover

LEAST_CHECKS = 3
LEAST_WRONGS = 4
DIFFICULTIES = ("easy", "medium", "hard")
# In one sentence numbers go in and numbers come out: "[[1, 2]] @ [[3], [4]] is [[11]]", "makes a.grad 4".
_WORKED = re.compile(r"[\d\])].*\b(is|becomes|makes)\s+(\S+\s+)?(\[|-?\d|ln )", re.DOTALL)
# What a lesson's prose always holds.
PASSAGES = {
    "a worked number": "**By hand.**",
    "a question": "**Think.**",
    "a source": "\n*",
}


def lesson(step: Step, roadmap: Sequence[Step]) -> Iterator[str]:
    """What is missing in a lesson, or said and not true."""
    labs = discover("labs")
    before = {other.name for other in roadmap[: roadmap.index(step)]}
    after = {other.name for other in roadmap[roadmap.index(step) + 1 :]}
    if step.difficulty not in DIFFICULTIES:
        yield f'difficulty is "{step.difficulty}"; it is one of {", ".join(DIFFICULTIES)}'
    if step.minutes < 1:
        yield f"minutes is {step.minutes}"
    if step.lab and step.lab not in labs:
        yield f"there is no lab {step.lab}"
    for name in step.needs:
        if name not in before:
            yield f"it needs {name}, which is not an earlier step"
    for place in step.returns:
        if place.name not in after and place.name not in labs:
            yield f"it returns in {place.name}, which is neither a later step nor a lab"
        elif place.settings:
            yield from _settings(place, labs)
    if step.exercise:
        for what, mark in PASSAGES.items():
            if mark not in step.body:
                yield f"the lesson holds no {what[2:]} ({mark.strip()})"
    yield from _proves(step, labs)
    yield from terms.faults(step, roadmap)


def _proves(step: Step, labs: Mapping[str, Found]) -> Iterator[str]:
    """What is wrong with the items of the guide that a lesson says it proves."""
    known = {item.id: item for item in guide.every_item()}
    ids = [proof.item for proof in step.proofs]
    for proof in step.proofs:
        item = known.get(proof.item)
        if item is None:
            near = guide.near(proof.item)
            yield f"it proves {proof.item}, which is no item of the guide" + (f"; {near[0]} is near" if near else "")
        elif item.retired:
            yield f"it proves {item.id}, which was taken out of the guide in {item.retired}"
        elif item.level == "A":
            yield f"it proves {item.id}, which follows from a rule in academy/tiers.py"
        elif item.kind != "build":
            yield f"it proves {item.id}, which is of kind {item.kind}; only what is built is proven"
        elif item.covers == "none":
            yield f"it proves {item.id}, and guide.csv says that nothing covers it; say part or full there"
        if not step.exercise and not step.lab:
            yield f"it proves {proof.item} without an exercise or a lab"
        for key, _ in proof.settings:
            if step.lab not in labs or key not in settings_said(labs[str(step.lab)]):
                yield f"it proves {proof.item} with {key}=, which no lab of this step knows"
        if ids.count(proof.item) > 1:
            yield f"it proves {proof.item} twice"


def coverage(roadmap: Sequence[Step]) -> Iterator[str]:
    """Items of the guide of which guide.csv says that they can be proven, and no lesson does."""
    proven = {proof.item for step in roadmap for proof in step.proofs}
    parents = set(guide.parts())
    for item in guide.items():
        leaf = item.kind == "build" and item.level != "A" and item.id not in parents
        if leaf and item.covers != "none" and item.id not in proven | guide.CHECKED:
            yield f"guide.csv: {item.id} is covered ({item.covers}), and no lesson proves it"


def vocabulary(roadmap: Sequence[Step]) -> Iterator[str]:
    """The terms of the field that no lesson of the whole roadmap explains, and should."""
    for term in terms.missing(roadmap):
        yield f'no lesson teaches the term "{term}"'


def _settings(place: Return, labs: Mapping[str, Found]) -> Iterator[str]:
    """What is wrong with the settings with which an answer returns in a lab."""
    if place.name not in labs:
        yield f"it returns in {place.name} with settings, and {place.name} is no lab"
        return
    known = settings_said(labs[place.name])
    for key, _ in place.settings:
        if key not in known:
            yield f"it returns in {place.name} with {key}=, which lab {place.name} does not know"


def reference(located: Located, step: Step) -> Iterator[str]:
    """What the reference's text lacks, as a specification, as hints and as an answer that stands alone."""
    said = located.docstring
    if not any(sign in said for sign in ("=", " / ", "max(", "sum", " - ")):
        yield "the docstring holds no formula"
    if not any(_WORKED.search(sentence) for sentence in said.split(". ")):
        yield "the docstring holds no worked number (a sentence such as: softmax([0, ln 3]) is [0.25, 0.75])"
    if len(hints.comments(located)) < 2:
        yield "the body has fewer than two comments: the second hint would be empty"
    refused, given = stems(step.refuses), {located.name, *library_names(located)}
    for name in sorted(names_used(located.node) - given):
        if belongs(name, refused):
            yield f"the lesson refuses {name}, which the reference itself uses"
    read = {n.id for n in ast.walk(located.node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    read |= {n.attr for n in ast.walk(located.node) if isinstance(n, ast.Attribute)}
    private = sorted(name for name in read if name.startswith("_") and not name.endswith("__") and name != "_")
    for name in private:
        yield f"the body uses {name}, which is private to the library and may hold the answer"
    lines = {
        node.name: node.lineno
        for node in parse(located.text).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in stub.siblings(located)
    }
    for name, line in lines.items():
        if line > located.first_line:
            yield f"the body uses {name}, which is defined below it in {located.path.name}: no answer could import it"


def graders(checks: CheckList) -> Iterator[str]:
    """Whether there are enough checks and wrong answers, each under a name of its own."""
    if len(checks.checks) < LEAST_CHECKS:
        yield f"{len(checks.checks)} checks; at least {LEAST_CHECKS} are needed"
    if len(checks.wrongs) < LEAST_WRONGS:
        yield f"{len(checks.wrongs)} wrong answers; at least {LEAST_WRONGS} are needed"
    for what, names in (
        ("checks are named", [check.name for check in checks.checks]),
        ("checks have the title", [check.title for check in checks.checks]),
        ("wrong answers are named", [wrong.name for wrong in checks.wrongs]),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f'{names.count(name)} {what} "{name}"'
    for check in checks.checks:
        if check.title == check.name:
            yield f"{check.name} has no docstring: a learner would read its name"


def quotes(located: Located, checks: CheckList) -> tuple[dict[str, str], list[str]]:
    """The text of every wrong answer by name, and the ones whose quote no longer stands in the reference."""
    texts: dict[str, str] = {}
    problems = []
    for wrong in checks.wrongs:
        try:
            texts[wrong.name] = apply(wrong, located)
        except BadChecks as error:
            problems.append(str(error))
    return texts, problems
