"""A bug: a forward, the backward as it was, and as it should be."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Bug(NamedTuple):
    """`broken` and `fixed` are called as `backward(*inputs, cotangent=g)`, and give a gradient for each input.

    Where second derivatives are wrong, `forward` is the gradient, and the backward a product with the Hessian.
    """

    link: str  # repository#number
    year: int
    what: str  # what went wrong, in a sentence
    cause: str  # how the pattern that a checker should name begins
    forward: Callable[..., Any]
    broken: Callable[..., Any]
    fixed: Callable[..., Any]
    inputs: tuple[Any, ...]
    broken_forward: Callable[..., Any] | None = None  # where the forward did the damage

    @property
    def url(self) -> str:
        """The address of the issue; GitHub leads from it to a pull request of that number."""
        repository, number = self.link.split("#")
        return f"https://github.com/{repository}/issues/{number}"
