"""A lecture: both passes step by step, as one SVG that plays by itself, as a PDF, and as slides."""

# mypy: allow-untyped-defs, allow-untyped-calls
# pyright: basic
# (what pages show is written as a learner writes it, without types)

from tinygrad_edu import viz


def course(a, b, c):
    u = b * c
    v = a + u
    J = 3 * v
    return J


lecture = viz.lecture(course, 5.0, 3.0, 2.0)
print("\n".join(lecture.captions))
print(lecture.save("out/lecture.svg"), lecture.save("out/lecture.pdf"))
print(*lecture.slides("out/slides"))
