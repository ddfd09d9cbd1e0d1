"""Layers that are made at their first call say so, of every name that they have only then."""

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

LAYERS = [
    (nn.LazyLinear, (2,), (3, 4)), (nn.LazyConv1d, (2, 1), (1, 3, 4)), (nn.LazyConv2d, (2, 1), (1, 3, 4, 4)),
    (nn.LazyConvTranspose2d, (2, 1), (1, 3, 4, 4)), (nn.LazyBatchNorm1d, (), (5, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "settings", "shape"), LAYERS, ids=lambda v: getattr(v, "__name__", ""))
def test_a_name_of_the_layer_to_be_says_when_it_is_there(kind, settings, shape):
    layer, early = kind(*settings), kind(*settings)
    layer(tg.ones(shape))
    names = [*dict(layer.named_parameters()), *(name for name in vars(layer) if name[0] != "_")]
    late = [name for name in names if not hasattr(early, name)]
    assert "weight" in late
    for name in late:
        with pytest.raises(AttributeError, match=f"has no attribute '{name}' yet; .* call the model once"):
            getattr(early, name)
    with pytest.raises(AttributeError, match="did you mean weight?"):  # and now it has them
        layer.wieght  # noqa: B018
