"""Places for the memory of a run: buffers that are not needed at one time share it."""

from __future__ import annotations

import bisect
import heapq

from .lowering import Lowering
from .views import Memory

ALIGNED = 64  # bytes


def arena(lowering: Lowering) -> int:
    """A place for each buffer of the run's own: the first one that has room and is free then. The size in bytes."""
    free: list[tuple[int, int]] = []  # gaps below the top, in order
    busy: list[tuple[int, int, int]] = []  # when they end, and where they are
    top = most = 0
    for buffer in sorted((b for b in lowering.buffers if b.kind == "own"), key=lambda b: b.first):
        while busy and busy[0][0] < buffer.first:
            _, start, end = heapq.heappop(busy)
            top = _given_back(free, start, end, top)
        size = -(-buffer.size * buffer.dtype.itemsize // ALIGNED) * ALIGNED
        top = _placed(buffer, size, free, top)
        heapq.heappush(busy, (buffer.last, buffer.offset, buffer.offset + size))
        most = max(most, top)
    return most


def _placed(buffer: Memory, size: int, free: list[tuple[int, int]], top: int) -> int:
    """Take the first gap that is large enough, or memory at the top."""
    for k, (start, end) in enumerate(free):
        if start + size <= end:
            buffer.offset = start
            free[k : k + 1] = [(start + size, end)] if start + size < end else []
            return top
    buffer.offset = top
    return top + size


def _given_back(free: list[tuple[int, int]], start: int, end: int, top: int) -> int:
    """A gap more, as one with those beside it."""
    k = bisect.bisect(free, (start, end))
    if k < len(free) and free[k][0] == end:
        end = free.pop(k)[1]
    if k and free[k - 1][1] == start:
        k -= 1
        start = free.pop(k)[0]
    if end == top:
        return start
    free.insert(k, (start, end))
    return top
