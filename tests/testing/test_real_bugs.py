"""Bugs of public trackers: every broken one is caught, its cause named, and every fixed one right."""

import re
from pathlib import Path

import pytest

from tinygrad_edu.testing import check_kernel

from ..corpus.real import BUGS, FAMILIES
from ..corpus.real.bug import Bug


def ids(bug):
    return bug.link


def report_of(bug: Bug):
    return check_kernel(bug.broken_forward or bug.forward, bug.broken, inputs=bug.inputs, raises=False)


def test_the_corpus_is_large_and_says_where_each_comes_from():
    assert len(BUGS) >= 40
    assert len({bug.link for bug in BUGS}) == len(BUGS)
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", bug.link) and 2023 <= bug.year <= 2026 for bug in BUGS)
    assert len({bug.link.partition("/")[0] for bug in BUGS}) >= 15
    assert min(map(len, FAMILIES.values())) >= 5


@pytest.mark.parametrize("bug", BUGS, ids=ids)
def test_the_fixed_version_is_right(bug):
    report = check_kernel(bug.forward, bug.fixed, inputs=bug.inputs)
    assert report.verdict == "RIGHT", report


@pytest.fixture(scope="module")
def broken():
    return {bug.link: report_of(bug) for bug in BUGS}


@pytest.mark.parametrize("bug", BUGS, ids=ids)
def test_the_broken_version_is_caught(bug, broken):
    assert broken[bug.link].verdict == "WRONG"
    assert broken[bug.link].test


def test_the_cause_is_named(broken):
    named = [bug for bug in BUGS if (broken[bug.link].pattern or "").startswith(bug.cause)]
    assert len(named) >= 0.9 * len(BUGS)


def test_the_page_names_every_bug():
    page = (Path(__file__).parents[2] / "docs" / "real-bugs.md").read_text()
    assert [bug.link for bug in BUGS if f"[{bug.link}]({bug.url}) | {bug.year} | {bug.what}" not in page] == []
    assert f"| `check_kernel` | {len(BUGS)} of {len(BUGS)} | 0 |" in page
