"""Programs that are drawn at random from a few moves, and their results before and after a pass."""

import numpy as np
from hypothesis import strategies as st

from tinygrad_edu.program.reading import ProgramReading

SPECIAL = [0.0, -0.0, 1.0, -1.5, np.nan, np.inf, -np.inf, 1e-30, 3e30]


def read(f, *arrays):
    """The program of a function of arrays."""
    with ProgramReading() as reading, np.errstate(all="ignore"):
        ys = f(*[reading.argument(np.array(a), i) for i, a in enumerate(arrays)])
        written, _ = reading.end(list(ys))
    return written.program


@st.composite
def arrays(draw, shape=(2, 3), dtypes=("float32", "float64")):
    dtype = draw(st.sampled_from(dtypes))
    values = draw(st.lists(st.sampled_from(SPECIAL), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    with np.errstate(all="ignore"):
        return np.array(values).astype(dtype).reshape(shape)


@st.composite
def programs(draw, moves, inputs=None, length=10):
    """A program of these moves, functions of two arrays, and what it is run on. What a move refuses is left out."""
    xs = [draw(arrays()) for _ in range(2)] if inputs is None else draw(inputs)

    def f(*given):
        known = list(given)
        for _ in range(draw(st.integers(1, length))):
            move = draw(st.sampled_from(moves))
            a, b = (known[-1 - draw(st.integers(0, min(4, len(known) - 1)))] for _ in range(2))
            try:
                known.append(move(a, b))
            except (ValueError, IndexError, TypeError):  # shapes or dtypes that do not fit
                continue
        return [y + 0 for y in known[-3:]]

    return read(f, *xs), xs


def bits(x):
    """The bytes of an array, where all nan are one."""
    x = np.array(x)
    if x.dtype.kind in "fc":
        x[np.isnan(x)] = np.nan
    return x.dtype, x.shape, x.tobytes()


def results(program, xs):
    return [bits(y) for y in program(*map(np.array, xs))]
