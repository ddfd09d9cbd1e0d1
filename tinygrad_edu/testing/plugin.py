"""The pytest plugin: derivatives that tests check, with their verdicts at the end, in JUnit's file, and as JSON.

    pytest --derivatives                     # only tests that check derivatives, and a summary
    pytest --derivatives-json=verdicts.json  # what every check found

A test asks for the fixture `derivative_check`, or is marked with `@pytest.mark.derivatives`, or made by
`derivative_property`. Reports travel with pytest's own, so that pytest-xdist works.
"""

from __future__ import annotations

import json
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..functions import calls, settings
from . import checking, second_order
from .kernels import check as kernels
from .report import GradientError, Report

MARK = "derivatives"
OURS = (f"{__package__}.", calls.__name__, settings.__name__)  # modules between a test and what is wrong in it
REPORTS = pytest.StashKey[list[tuple[str, Report]]]()
FOUND = pytest.StashKey[list[dict[str, Any]]]()


class DerivativeCheck:
    """The checks of `tinygrad_edu.testing`, with the settings of the test's mark; their reports are kept.

    Called, it is `check_derivative`; `gradients`, `kernel`, `hessian`, `hvp`, `jvp` and `jacobian_sparsity` are the
    others.
    """

    def __init__(self, note: Callable[[str, Report], None], settings: dict[str, Any]) -> None:
        self.note, self.settings = note, settings

    def __call__(self, f: Any, *arguments: Any, **settings: Any) -> Report:
        return self._noted(checking.check_derivative, f, arguments, settings)

    def gradients(self, f: Callable[..., Any], *inputs: object, **settings: object) -> Report:
        return self._noted(checking.check_gradients, f, inputs, settings)

    def kernel(self, forward: Any, *arguments: Any, **settings: Any) -> Report:
        return self._noted(kernels.check_kernel, forward, arguments, settings)

    def hessian(self, f: Callable[..., Any], hess: object, x: object, *args: object, **settings: object) -> Report:
        return self._noted(second_order.check_hessian, f, (hess, x, *args), settings)

    def hvp(self, f: Callable[..., Any], hvp: object, x: object, *args: object, **settings: object) -> Report:
        return self._noted(second_order.check_hvp, f, (hvp, x, *args), settings)

    def jvp(self, f: Callable[..., Any], jvp: object, x: object, *args: object, **settings: object) -> Report:
        return self._noted(second_order.check_jvp, f, (jvp, x, *args), settings)

    def jacobian_sparsity(
        self, f: Callable[..., Any], sparsity: object, x: object, *args: object, **settings: object
    ) -> Report:
        return self._noted(second_order.check_jacobian_sparsity, f, (sparsity, x, *args), settings)

    def _noted(self, check: Any, f: object, arguments: tuple[Any, ...], settings: dict[str, Any]) -> Report:
        name = getattr(f, "__qualname__", type(f).__name__).rpartition("<locals>.")[2]
        try:
            report = check(f, *arguments, **{**self.settings, **settings})
        except GradientError as error:
            self.note(name, error.report)
            raise
        self.note(name, report)
        return report


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("derivatives", "derivatives (tinygrad_edu.testing)")
    group.addoption("--derivatives", action="store_true", help="run tests that check derivatives, and list verdicts")
    group.addoption("--derivatives-json", metavar="PATH", help="write what the checks of derivatives found, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{MARK}(**settings): a test of derivatives; strict= and seed= are those of derivative_check"
    )
    config.stash[FOUND] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--derivatives"):
        return
    others = [item for item in items if not _checks(item)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if _checks(item)]


def _checks(item: pytest.Item) -> bool:
    """Whether a test checks derivatives."""
    return (
        _drawn(item)
        or item.get_closest_marker(MARK) is not None
        or "derivative_check" in getattr(item, "fixturenames", ())
    )


def _drawn(item: pytest.Item) -> bool:
    """Whether a test is made by `derivative_property`."""
    test = getattr(item, "obj", None)
    return hasattr(test, "function") and hasattr(test, "derivative")


@pytest.fixture
def derivative_check(request: pytest.FixtureRequest) -> DerivativeCheck:
    """`check_derivative` and the other checks, whose reports pytest keeps."""
    mark = request.node.get_closest_marker(MARK)
    reports = request.node.stash.setdefault(REPORTS, [])
    return DerivativeCheck(lambda name, report: reports.append((name, report)), dict(mark.kwargs) if mark else {})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    if call.excinfo is not None:
        hide(call.excinfo.value)
    report = yield
    if call.when == "call":
        found = [*item.stash.setdefault(REPORTS, [])]
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, GradientError) and all(r is not error.report for _, r in found):
            found.append((item.name, error.report))  # checked without the fixture
        if _drawn(item) and error is None:
            found.append((item.name, Report("RIGHT", "no example that was drawn is wrong")))
        for name, r in found:
            item.user_properties.append((f"derivative of {name}", f"{r.verdict}: {r.diagnosis}"))
        report.derivatives = [{"node": item.nodeid, "function": name, **json.loads(r.to_json())} for name, r in found]
    return report


def hide(error: BaseException) -> None:
    """Let pytest show the user's lines only of an error, and of those it came from; `--full-trace` shows ours, too."""
    for e in _chain(error):
        for frame, _ in traceback.walk_tb(e.__traceback__):
            if str(frame.f_globals.get("__name__")).startswith(OURS):
                frame.f_globals["__tracebackhide__"] = True


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


class _Collector:
    """Keeps what reports say of derivatives, wherever the tests ran."""

    def __init__(self, config: pytest.Config) -> None:
        self.found = config.stash[FOUND]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.found += getattr(report, "derivatives", [])


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(_Collector(session.config), "derivatives-collector")


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--derivatives-json")
    if path and not hasattr(session.config, "workerinput"):  # the workers of xdist leave it to who began them
        Path(path).write_text(json.dumps(session.config.stash[FOUND], indent=1), encoding="utf-8")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    found = config.stash[FOUND]
    if not config.getoption("--derivatives"):
        return
    terminalreporter.section("derivatives")
    counts = Counter(f["verdict"] for f in found)
    terminalreporter.write_line(", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())) or "none checked")
    for f in found:
        if f["verdict"] != "RIGHT":
            terminalreporter.write_line(f"{f['verdict']} {f['node']} ({f['function']}): {f['diagnosis']}")
            if f["pattern"]:
                terminalreporter.write_line(f"    {f['pattern']}")
