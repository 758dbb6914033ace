"""Ten thousand requests, made from the server's own description of itself: none ends in a fault of ours."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upslope.academy.lessons import steps

REQUESTS = 10_000
# Forms as a page sends them, as a program sends them, and as nobody should.
FORMS = st.one_of(
    st.dictionaries(st.sampled_from(["text", "read", "part", "hours", "link", "note", "preset", "mine"]), st.text()),
    st.binary(max_size=200),
)
NAMES = [*(step.name for step in steps()[:6]), "1.modern.gelu", "digits", "digits-0001"]


@pytest.mark.deep
def test_no_request_ends_in_a_fault(client, app, grader):
    schemathesis = pytest.importorskip("schemathesis")
    description = client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(description)
    operations = [found.ok() for found in schema.get_all_operations()]
    # The stream has no end.
    operations = [operation for operation in operations if operation.path != "/stream"]
    assert len(operations) >= 15
    seen: Counter[int] = Counter()
    for operation in operations:

        @settings(max_examples=REQUESTS // len(operations) + 1, database=None)
        @given(case=operation.as_strategy(), form=FORMS, real=st.sampled_from([*NAMES, None, None]))
        def ask(case: Any, form: Any, real: str | None) -> None:
            path = case.formatted_path
            if real is not None and "{name}" in case.path:
                path = case.path.replace("{name}", real).replace("{file}", "curves.png")
            more = {"data": form} if isinstance(form, dict) else {"content": form}
            answer = client.request(
                case.method, path, params=case.query or {}, **(more if case.method != "GET" else {})
            )
            seen[answer.status_code] += 1
            assert answer.status_code < 500, (case.method, path, form, answer.text)

        ask()
    assert seen[200] > 100
    assert sum(seen.values()) >= REQUESTS
