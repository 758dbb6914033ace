"""`upslope` alone: tier, next, labs, one command."""

from upslope.academy.lab_parts import parts_of
from upslope.academy.progress import Progress
from upslope.runs.workspace import progress_file


def test_a_newcomer_is_told_where_to_begin(upslope):
    said = upslope()
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("  Upslope ")
    assert lines[0].endswith("to bronze")
    assert "upslope tour" in said.out
    assert lines[-1].startswith("  upslope init")


def test_after_a_few_answers(upslope):
    upslope("init")
    store = Progress(progress_file())
    for exercise in ("upslope.scratch.scalar:Value.backward", "upslope.scratch.ops:relu"):
        store.add_check(exercise, "x = 1\n", "x.py", passed=True)
    store.add("run", "digits", run="digits-0001", reached=True, parts=dict.fromkeys(parts_of("digits"), "yours"))
    store.add("run", "lenet", run="lenet-0001", reached=True, parts=dict.fromkeys(parts_of("lenet"), "ours"))
    said = upslope()
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "Yours" in said.out
    assert "parts of lab digits" in said.out
    assert "Proven   lab digits, run digits-0001" in said.out
    assert "Reached  lab lenet, run lenet-0001" in said.out
    assert lines[-1].startswith("  upslope learn ")
    answer = upslope("--json").json
    assert (answer["done"], answer["of"]) == (0, 4)
    assert "A.bronze.network" in answer["missing"]
    assert sum(answer["guide"].values()) == 328
    assert "items proven, 0 reported" in said.out
    assert answer["labs"]["digits"]["yours"] == 1
    assert answer["command"] == lines[-1].strip()
    assert answer["started"] is True


def test_json_stands_before_or_after(upslope):
    assert upslope("--json").json == upslope("--json").json
    assert upslope("--json").json["next"] == "scalar-backward"
