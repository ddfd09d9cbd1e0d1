"""detect_anomaly: the first bad number, its operation, its line; what is harmless passes; off, it costs nothing."""

import threading
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.recording import PLAIN, recorder, recording
from tinygrad_edu.viz import AnomalyError, detect_anomaly


def x(*values):
    return tg.Tensor(list(values), requires_grad=True, dtype="float64", name="x")


FORWARD = {
    "log": (lambda: tg.log(x(1.0, 0.0)).sum(), "log", "log(x) gave -inf at 1 of 2 entries (at entry (1,) x = 0)"),
    "sqrt": (lambda: tg.sqrt(x(1.0, -4.0)).sum(), "sqrt", "sqrt(x) gave nan at 1 of 2 entries (at entry (1,) x = -4)"),
    "divide": (lambda: (x(1.0, 0.0) / x(1.0, 0.0)).sum(), "divide", "gave nan at 1 of 2 entries"),
    "exp": (lambda: tg.exp(x(1000.0)).sum(), "exp", "exp(x) gave inf at 1 of 1 entries (at entry (0,) x = 1000)"),
    "inf - inf": (lambda: (x(np.inf) - x(np.inf)).sum(), "subtract", "gave nan"),
    "the first of two": (lambda: tg.sqrt(tg.log(x(0.0))).sum(), "log", "log(x) gave -inf"),
    "at the end of the block": (lambda: tg.log(x(0.0)), "log", "log(x) gave -inf"),
}


@pytest.mark.parametrize("name", FORWARD)
def test_forward(name):
    program, op, words = FORWARD[name]
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        program()
    error = caught.value
    assert (error.phase, error.op.name) == ("forward", op)
    assert words in str(error)
    assert str(error).startswith("forward: every value must be finite; ")
    assert "test_anomaly.py:" in error.site
    line = int(error.site.rpartition(":")[2])
    assert name in Path(__file__).read_text().splitlines()[line - 1]


def test_backward_sqrt_at_zero():
    a = x(4.0, 0.0)

    def program():
        y = tg.sqrt(a)
        y.sum().backward()

    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        program()
    error = caught.value
    assert (error.phase, error.op.name) == ("backward", "sqrt")
    assert "the rule of sqrt, g / (2 * y), gave inf at 1 of 2 entries" in str(error)
    assert "(at entry (1,) x = 0, y = 0, g = 1)" in str(error)
    line = int(error.site.rpartition(":")[2])
    assert "y = tg.sqrt(a)" in Path(__file__).read_text().splitlines()[line - 1]
    picture = error.draw()
    assert "gradient is not finite" in picture.source


@pytest.mark.parametrize("way", [lambda f: f, tg.checkpoint, tg.vmap])
def test_a_rule_is_named_where_the_gradient_is_a_graph_itself(way):
    a, w = x(4.0, 0.0), x(2.0, 3.0)
    f = way(lambda v: tg.sqrt(v) * 0.0 + v)
    for program in (
        lambda: f(a).sum().backward(create_graph=True),
        lambda: tg.grad(lambda v: (f(v) * w).sum())(a.data),
    ):
        with (
            pytest.raises(AnomalyError, match="backward: .* the rule of sqrt, .* gave nan") as caught,
            detect_anomaly(),
        ):
            program()
        assert caught.value.phase == "backward"
        line = int(caught.value.site.rpartition(":")[2])
        assert "tg.sqrt(v) * 0.0 + v" in Path(__file__).read_text().splitlines()[line - 1]
        assert "gradient is not finite" in caught.value.draw().source


def test_second_derivatives_of_what_a_where_leaves_out_are_harmless():
    a = x(4.0, 0.0)
    with detect_anomaly():
        tg.where(a > 0, tg.sqrt(tg.where(a > 0, a, 1.0)), 0.0).sum().backward(create_graph=True)
        (a.grad**2).sum().backward()
    assert np.isfinite(a.grad.data).all()
    with pytest.raises(AnomalyError, match="backward: every gradient must be finite"), detect_anomaly():
        tg.hessian(lambda v: (v**1.5).sum())(np.zeros(2))


def test_backward_through_tg_grad():
    with pytest.raises(AnomalyError, match="the rule of sqrt"), detect_anomaly():
        tg.grad(lambda v: tg.sqrt(v).sum())(np.zeros(2))


def test_a_sum_of_finite_contributions_that_overflows():
    a = x(1e-9)
    with pytest.raises(AnomalyError, match="a sum of finite contributions gave inf"), detect_anomaly():
        (a * 1.5e308 + a * 1.0e308).sum().backward()


def test_what_a_where_leaves_out_is_harmless_and_the_rest_is_not():
    a = x(2.0, 0.0)
    with detect_anomaly():
        loss = tg.where(a > 0, tg.log(a), 0.0).sum()
        loss.backward()
    assert a.grad.tolist() == [0.5, 0.0]
    with (
        pytest.raises(AnomalyError, match="where\\(c, f\\(x\\), 0\\) computes f\\(x\\) for every entry"),
        detect_anomaly(),
    ):
        tg.where(x(2.0, 0.0) > 1, 0.0, tg.log(x(2.0, 0.0))).sum()


def test_numbers_that_come_in_from_outside_are_not_reported():
    scores = x(1.0, 2.0)
    with detect_anomaly():
        masked = tg.where(np.array([True, False]), scores, -np.inf)
        weights = tg.exp(masked - 2.0)
        weights.sum().backward()
    assert np.isfinite(scores.grad.data).all()


def test_a_loss_that_is_lost_is_reported_with_the_input_that_spoiled_it():
    weights, data, logs = x(1.0, 2.0), tg.Tensor([np.nan, 1.0]), tg.Tensor([-np.inf, 0.0])

    def program():
        loss = (weights * data).mean()
        loss.backward()

    def without_backward():
        return (x(2.0, 1.0) * logs).sum()

    with pytest.raises(AnomalyError, match=r"data came into .* with nan at 1 of 2 entries") as caught, detect_anomaly():
        program()
    assert caught.value.op.name == "multiply"
    with pytest.raises(AnomalyError, match=r"logs came into .* with -inf"), detect_anomaly():
        without_backward()


def test_a_rule_that_makes_inf_is_told_by_its_formula():
    def program(a):
        y = a**0.5
        y.sum().backward()

    words = r"the rule of power_n, .* gave inf at 1 of 2 entries"
    with pytest.raises(AnomalyError, match=words) as caught, detect_anomaly():
        program(x(0.5, 0.0))
    assert caught.value.phase == "backward"
    assert "test_anomaly.py:" in str(caught.value)


def test_the_users_names_are_in_the_message_each_once():
    def program(a):
        big = a * 1e200
        return big * big

    with pytest.raises(AnomalyError, match=r"big \* big gave inf .*entry \(0,\) big = 1e\+200\)"), detect_anomaly():
        program(x(1.0))


def test_a_graph_whose_gradients_cannot_be_computed_is_drawn_without():
    a = tg.Tensor(np.zeros((2, 2)), requires_grad=True)
    with pytest.raises(AnomalyError, match="the matrix is singular") as caught, detect_anomaly():
        tg.linalg.slogdet(a)[1].backward()
    assert "value is not finite" in caught.value.draw().source


def test_good_programs_pass_and_keep_their_gradients():
    a = x(1.0, 2.0)

    @detect_anomaly()
    def run():
        (a * a).sum().backward()

    run()
    assert a.grad.tolist() == [2.0, 4.0]


def test_off_the_engine_is_its_own_and_warnings_are_back():
    def told():
        return recorder.get(), recording.get()

    assert told() == (PLAIN, PLAIN)
    with detect_anomaly():
        outer = told()
        assert PLAIN not in outer
        with detect_anomaly():
            assert told() != outer
        assert told() == outer
        with tg.no_grad():
            assert told() == (outer[0], None)
    assert told() == (PLAIN, PLAIN)
    with pytest.raises(ZeroDivisionError), detect_anomaly():
        raise ZeroDivisionError
    assert told() == (PLAIN, PLAIN)
    with pytest.warns(RuntimeWarning):
        tg.log(x(0.0))


def test_other_threads_are_left_alone():
    results = []
    with detect_anomaly():

        def work():
            with np.errstate(all="ignore"):
                results.append(tg.log(x(0.0)).tolist())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert results == [[-np.inf]]


def test_inside_a_transform_the_line_is_known():
    with pytest.raises(AnomalyError, match="log") as caught, detect_anomaly():
        tg.grad(lambda v: tg.log(v))(0.0)
    assert Path(caught.value.site.rpartition(":")[0]) == Path(__file__)


def test_inside_vmap():
    with pytest.raises(AnomalyError, match="log"), detect_anomaly():
        tg.vmap(tg.grad(lambda v: tg.log(v)))(np.array([1.0, 0.0]))
