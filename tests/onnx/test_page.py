"""The page about ONNX prints what it says."""

import contextlib
import io
import pathlib
import re

from . import runs

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "onnx.md"


def test_the_page_prints_what_it_says(tmp_path, monkeypatch):
    assert runs.onnxruntime
    monkeypatch.chdir(tmp_path)
    scope = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S):
        expected = [m[1].strip() for m in re.finditer(r"^print\(.*\)\s+# (.*)$", block, re.M)]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, "onnx.md", "exec"), scope)
        assert printed.getvalue().splitlines() == expected
