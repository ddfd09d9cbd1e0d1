"""The chart of docs/benchmarks.md, of the numbers that its table has: `python benchmarks/chart.py`."""

from __future__ import annotations

from page import PAGE

UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}
COLOURS = {
    "compiled": "#0072b2", "eager": "#56b4e9", "PyTorch": "#d55e00", "torch.compile": "#e69f00", "JAX": "#009e73",
    "autograd": "#cc79a7", "MyGrad": "#8c6d31", "micrograd": "#666666",
}  # fmt: skip


def seconds(cell: str) -> float | None:
    number, _, unit = cell.strip().partition(" ")
    return float(number) * UNITS[unit] if unit in UNITS else None


def table() -> dict[str, dict[str, float]]:
    """The times of each workload, by what ran it."""
    rows = PAGE.read_text().partition("<!-- compiled -->\n")[2].partition("<!-- end -->")[0].strip().splitlines()
    names = [cell.strip() for cell in rows[0].strip("|").split("|")]
    found = {}
    for row in rows[2:]:
        if row.startswith("|"):
            first, *cells = row.strip("|").split("|")
            times = {name: seconds(cell) for name, cell in zip(names[1:], cells) if name in COLOURS}
            found[first.strip()] = {name: t for name, t in times.items() if t}
    return found


def draw() -> None:
    """One row of points for each workload: how many times as long as the compiled one each takes."""
    from matplotlib.figure import Figure

    found = table()
    figure = Figure(figsize=(10, 0.42 * len(found) + 1.4), layout="constrained")
    axes = figure.subplots()
    for k, times in enumerate(found.values()):
        for name, t in times.items():
            axes.plot(t / times["compiled"], -k, "o", color=COLOURS[name], label=name if k == 0 else None, zorder=2)
    axes.set_yticks([-k for k in range(len(found))], list(found), fontsize=8)
    axes.axvline(1, color="black", linewidth=0.8, zorder=1)
    axes.set(xscale="log", xlabel="time beside the compiled one's (logarithmic; to the right is slower)")
    axes.grid(axis="y", alpha=0.3)
    for name, colour in COLOURS.items():
        if not any(line.get_label() == name for line in axes.lines):
            axes.plot([], [], "o", color=colour, label=name)
    figure.legend(loc="outside upper center", ncols=len(COLOURS), fontsize=8, frameon=False)
    figure.savefig(PAGE.parent / "benchmarks.svg", metadata={"Date": None})


if __name__ == "__main__":
    draw()
