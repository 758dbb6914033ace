"""Ctrl-C and SIGTERM: the step that is under way is finished and saved, and what is said of --resume is true."""

import signal
from types import SimpleNamespace

import pytest

from upslope.runs.errors import ConfigProblem, DataProblem
from upslope.runs.interruption import Interruption, Terminated
from upslope.runs.launcher import _train
from upslope.runs.run_dir import list_runs


def lab(tiny, *, at=4, number=signal.SIGINT, register=True, times=1):
    """A lab that counts to 20 and is sent a signal in the middle of step `at`."""

    def run(config, run):
        counter = tiny.counter()
        if register:
            run.register(counter=counter)
        for step in run.steps(20):
            for _ in range(times if step == at else 0):
                signal.raise_signal(number)
            counter.array += 1
            counter.log.append(step)
        run.finish({"test_accuracy": counter.array[0] / 20, "loss": len(counter.log) / 100})

    return SimpleNamespace(run=run)


@pytest.mark.parametrize(
    ("number", "raised", "code"), [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, Terminated, 143)]
)
def test_the_step_under_way_is_finished_saved_and_gone_on_from(tiny, number, raised, code):
    before = signal.getsignal(number)
    run = tiny.open()
    with pytest.raises(raised) as caught:
        _train(lab(tiny, number=number), run, None)
    assert getattr(caught.value, "code", None) == code
    assert run.saved == 4
    assert run.said == ["stopped, and saved after step 4: upslope lab --resume tiny-0001 goes on from there"]
    assert signal.getsignal(number) == before, "afterwards signals do what they did before"
    again = tiny.again(run)
    result = _train(lab(tiny, at=0), again, None)
    assert result.metrics == {"test_accuracy": 1.0, "loss": 0.2}, "every step was done once"


def test_a_second_one_does_not_wait(tiny):
    run = tiny.open()
    with pytest.raises(KeyboardInterrupt):
        _train(lab(tiny, times=2), run, None)
    assert run.saved is None
    assert run.said == ["stopped before anything could be saved: upslope lab --resume tiny-0001 begins anew"]


def test_where_nothing_can_be_saved_nothing_is_waited_for_or_promised(tiny):
    run = tiny.open()
    with pytest.raises(KeyboardInterrupt):
        _train(lab(tiny, register=False), run, None)
    assert run.said == ["stopped before anything could be saved: upslope lab --resume tiny-0001 begins anew"]


def test_a_handler_that_others_put_in_our_place_stays():
    before = signal.getsignal(signal.SIGTERM)
    try:
        with Interruption(wait=True):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_process_that_follows_leaves_it_to_the_first():
    with Interruption(wait=True, follows=True) as interruption:
        signal.raise_signal(signal.SIGINT)
    assert interruption.asked is None


@pytest.mark.parametrize("refusal", [ConfigProblem("context=99 needs more"), DataProblem("not here"), ImportError("x")])
def test_what_is_refused_in_a_labs_first_lines_leaves_no_run(tiny, refusal):
    def refuse(config, run):
        raise refusal

    with pytest.raises(type(refusal)):
        _train(SimpleNamespace(run=refuse), tiny.open(), None)
    assert list_runs(tiny.root) == []


def test_what_fails_after_work_was_done_keeps_it(tiny):
    def fail(config, run):
        run.log(1, loss=1.0)
        raise DataProblem("the disk with the data was pulled out")

    with pytest.raises(DataProblem):
        _train(SimpleNamespace(run=fail), tiny.open(), None)
    assert [run.state for run in list_runs(tiny.root)] == ["unfinished"]
