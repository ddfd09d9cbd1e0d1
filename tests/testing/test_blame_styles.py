"""Which line is wrong, in more styles of writing; and that the search leaves the user's classes and time alone."""

import threading

import numpy as np
import pytest

from tinygrad_edu.testing import check_derivative
from tinygrad_edu.testing.causes.mending import Mendable

from ..corpus import styles
from .test_blame import broken, checked


@pytest.mark.slow
@pytest.mark.parametrize(("name", "right", "wrong"), styles.FAULTS)
def test_the_wrong_line_of_a_program(name, right, wrong, tmp_path):
    report = checked(broken(styles, {right: wrong}, tmp_path / "program.py"), name)
    assert (report.verdict, report.blame.detail) == ("WRONG", wrong)
    assert not report.others


@pytest.mark.parametrize("name", sorted({name for name, *_ in styles.FAULTS}))
def test_the_programs_are_right_before_they_are_broken(name):
    assert checked(styles, name).verdict == "RIGHT"


def running(r):
    total, out = 0.0, [0.0] * len(r)
    for t in range(len(r) - 1, -1, -1):
        total = r[t] + 0.9 * total
        out[t] = total
    return np.array(out)


def d_weighted(w, r):
    k = running(r)
    return -np.sin(k) * w, None


def test_no_change_that_is_tried_puts_a_list_into_itself():
    """`out[t] = out` would keep `np.array` busy for ever."""
    r = [1.0, 0.0, 0.5, -1.0]
    report = check_derivative(lambda w, r: np.sum(w**2 * running(r)), d_weighted, np.ones(4), r, raises=False)
    assert report.verdict == "WRONG"


class Doubled:
    def __init__(self, x):
        self.x = x

    def back(self, g):
        y = 2 * g
        return y


def test_other_threads_see_the_methods_of_a_class_as_they_are():
    copy = Mendable(lambda thing, g: thing.back(g), Doubled(1.0))
    method, inside, seen = vars(Doubled)["back"], threading.Event(), []

    def elsewhere():
        inside.wait(5)
        seen.append(Doubled(1.0).back(1.0))

    other = threading.Thread(target=elsewhere)

    def hook(k, value):
        if copy.sites[k].name == "y":
            inside.set()
            other.join(5)
            return 7.0
        return value

    other.start()
    assert copy.with_hook(hook)(Doubled(1.0), 1.0) == 7.0
    assert seen == [2.0]
    assert vars(Doubled)["back"] is method


def test_an_interrupt_leaves_the_methods_of_a_class_as_they_were():
    copy, method = Mendable(lambda thing, g: thing.back(g), Doubled(1.0)), vars(Doubled)["back"]

    def hook(k, value):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy.with_hook(hook)(Doubled(1.0), 1.0)
    assert vars(Doubled)["back"] is method
    assert Doubled(1.0).back(1.0) == 2.0


def filtered(a, b, x):
    s, loss = 0.0, 0.0
    for v in x:
        s = a * s + b * v
        loss = loss + s**2
    return loss


def d_filtered(a, b, x):
    s, ds, g = 0.0, np.zeros(2), np.zeros(2)
    for v in x:
        ds = np.array([s, v])
        s = a * s + b * v
        g = g + 2 * s * ds
    return g[0], g[1], None


def implicit(a, b):
    x = np.ones_like(a)
    for _ in range(6):
        x = x - (x**3 + a * x - b) / (3 * x**2 + a)
    return np.sum(x)


def d_implicit(a, b):
    x = np.ones_like(a)
    for _ in range(30):
        x = x - (x**3 + a * x - b) / (3 * x**2 + a)
    slope = 3 * x + a
    return -x / slope, 1 / slope


def test_tangents_by_several_numbers_that_are_carried_along_together():
    report = check_derivative(filtered, d_filtered, 0.6, 0.3, np.array([1.0, -0.5, 0.8]), raises=False)
    assert report.blame.detail == "ds = np.array([s, v])"


def test_one_wrong_line_that_several_read_is_blamed_once():
    report = check_derivative(implicit, d_implicit, np.array([1.0, 2.0, 0.5]), np.array([3.0, 1.0, 2.0]), raises=False)
    assert report.blame.detail == "slope = 3 * x + a"
    assert not report.others
