"""Slices that threads share out, as LLVM IR: who is free takes the next one.

`@state` has the number of the job, counted from 1, above 32 bits of the number of slices taken; 0 where there is no
job yet, and a negative number after the last. A slice is taken by comparing and exchanging all of it, so that whoever
was late never takes a slice of another job than it thinks. `@done` counts what was finished: the caller goes on when
that is all.
"""

from __future__ import annotations

from collections.abc import Sequence

from .threads import IDLE

END = -(1 << 32)


def shared(order: Sequence[tuple[str, int]]) -> str:
    """`shared(pointers, numbers)` does all of `order`: calls of functions, and jobs with the number of their slices;
    `help()` takes slices of it, `arm()` has helpers wait for it."""
    jobs = [(name, count) for name, count in order if count]
    n = len(jobs) + 1
    counts = ", ".join(f"i64 {count}" for count in (0, *(count for _, count in jobs)))
    cases = " ".join(f"i64 {k}, label %job{k}" for k in range(1, n))
    made = "\n".join(
        f"job{k}:\n  call void @{name}(i64 %ticket, ptr %pointers, ptr %numbers)\n  br label %finished"
        for k, (name, _) in enumerate(jobs, 1)
    )
    return f"""\
@state = internal global i64 {END}, align 64
@counts = internal constant [{n} x i64] [{counts}]
@done = internal global [{n} x i64] zeroinitializer, align 64
@given = internal global [2 x ptr] zeroinitializer, align 64

declare i32 @tinygrad_yield()

define internal i1 @take() {{
entry:
  %s = load atomic i64, ptr @state acquire, align 8
  %job = ashr i64 %s, 32
  %some = icmp sgt i64 %job, 0
  br i1 %some, label %look, label %none
look:
  %ticket = and i64 %s, 4294967295
  %place = getelementptr inbounds i64, ptr @counts, i64 %job
  %count = load i64, ptr %place
  %open = icmp ult i64 %ticket, %count
  br i1 %open, label %try, label %none
try:
  %next = add i64 %s, 1
  %pair = cmpxchg ptr @state, i64 %s, i64 %next acq_rel acquire
  %taken = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %taken, label %work, label %entry2
entry2:
  ret i1 true
work:
  %pointers = load ptr, ptr @given
  %second = getelementptr inbounds ptr, ptr @given, i64 1
  %numbers = load ptr, ptr %second
  switch i64 %job, label %none [ {cases} ]
{made}
finished:
  %own = getelementptr inbounds i64, ptr @done, i64 %job
  %before = atomicrmw add ptr %own, i64 1 release
  ret i1 true
none:
  ret i1 false
}}

define internal void @all(i64 %job) {{
entry:
  %begin = shl i64 %job, 32
  store atomic i64 %begin, ptr @state release, align 8
  %place = getelementptr inbounds i64, ptr @counts, i64 %job
  %count = load i64, ptr %place
  %own = getelementptr inbounds i64, ptr @done, i64 %job
  br label %take
take:
  %more = call i1 @take()
  br i1 %more, label %take, label %wait
wait:
  %done = load atomic i64, ptr %own acquire, align 8
  %ready = icmp eq i64 %done, %count
  br i1 %ready, label %end, label %idle
idle:
  %y = call i32 @tinygrad_yield()
  br label %wait
end:
  ret void
}}

define void @help() {{
entry:
  br label %look
look:
  %idle = phi i64 [ 0, %entry ], [ %again, %wait ], [ 0, %try ]
  %s = load atomic i64, ptr @state acquire, align 8
  %over = icmp slt i64 %s, 0
  br i1 %over, label %end, label %try
try:
  %more = call i1 @take()
  br i1 %more, label %look, label %wait
wait:
  %again = add i64 %idle, 1
  %y = call i32 @tinygrad_yield()
  %patient = icmp ult i64 %again, {IDLE}
  br i1 %patient, label %look, label %end
end:
  ret void
}}

define void @arm() {{
  store atomic i64 0, ptr @state release, align 8
  ret void
}}

define void @shared(ptr %pointers, ptr %numbers) {{
  store ptr %pointers, ptr @given
  %second = getelementptr inbounds ptr, ptr @given, i64 1
  store ptr %numbers, ptr %second
{_cleared(n)}
{_in_order(order)}
  store atomic i64 {END}, ptr @state release, align 8
  ret void
}}"""


def _cleared(n: int) -> str:
    lines = []
    for k in range(n):
        lines += [f"  %d{k} = getelementptr inbounds i64, ptr @done, i64 {k}"]
        lines += [f"  store atomic i64 0, ptr %d{k} monotonic, align 8"]
    return "\n".join(lines)


def _in_order(order: Sequence[tuple[str, int]]) -> str:
    lines, job = [], 0
    for name, count in order:
        job += bool(count)
        lines.append(f"  call void @all(i64 {job})" if count else f"  call void @{name}(ptr %pointers, ptr %numbers)")
    return "\n".join(lines)
