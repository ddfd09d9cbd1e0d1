"""Names of PyTorch's layers and functions that are not here, and a sentence for each that says what to use."""

from __future__ import annotations

ACTIVATIONS = ["celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu"]
INSIDE = "it is a part of PyTorch's own machinery; leave it out"
IN_PLACE = "nothing is written in place here; write x = F.{}(x)"
WITH_PLACES = "use F.{}(..., return_indices=True)"

NN = {
    "Container": "use nn.Module, as PyTorch does since 2017",
    "CrossMapLRN2d": "use nn.LocalResponseNorm, which is the same",
    "DataParallel": "there is one process and no GPU; call the module itself",
    "LinearCrossEntropyLoss": "use nn.Linear, and nn.CrossEntropyLoss of its output",
    "LinearCrossEntropyOptions": "use nn.Linear, and nn.CrossEntropyLoss of its output",
    "NLLLoss2d": "use nn.NLLLoss, which takes any number of axes",
    "RNNBase": "use nn.RNN, nn.LSTM or nn.GRU",
    "RNNCellBase": "use nn.RNNCell, nn.LSTMCell or nn.GRUCell",
    "SyncBatchNorm": "there is one process; use nn.BatchNorm1d, nn.BatchNorm2d or nn.BatchNorm3d",
    "UninitializedBuffer": "the lazy layers make their buffers at the first input; use e.g. nn.LazyBatchNorm2d",
    "UninitializedParameter": "the lazy layers make their parameters at the first input; use e.g. nn.LazyLinear",
    "quantized": "there are no quantised layers; use the layer itself, in float32",
    "qat": "there are no quantised layers; use the layer itself, in float32",
    "quantizable": "there are no quantised layers; use the layer itself, in float32",
    "intrinsic": "layers are not fused by hand; use them one after the other",
    "parallel": "there is one process and no GPU; call the module itself",
    "DistributedDataParallel": "there is one process; call the module itself",
    "Buffer": "call register_buffer(name, tensor) in __init__",
    "modules": "the layers stand in nn itself",
    "factory_kwargs": INSIDE,
}

FUNCTIONAL = {
    **{f"{name}_": IN_PLACE.format(name) for name in ACTIVATIONS},
    "threshold_": "nothing is written in place here; write x = F.threshold(x, threshold, value)",
    **{
        f"{name}_with_indices": WITH_PLACES.format(name)
        for name in (
            *(f"max_pool{n}d" for n in (1, 2, 3)), *(f"adaptive_max_pool{n}d" for n in (1, 2, 3)),
            "fractional_max_pool2d", "fractional_max_pool3d",
        )
    },
    "conv_tbc": "use F.conv1d of tg.permute_dims(x, (1, 2, 0))",
    "grouped_mm": "use tg.matmul of each group",
    "linear_cross_entropy": "use F.cross_entropy(F.linear(x, weight), target)",
    "multi_head_attention_forward": "use nn.MultiheadAttention, or F.scaled_dot_product_attention",
    "native_channel_shuffle": "use F.channel_shuffle",
    "scaled_grouped_mm": "there are no 8-bit products; use tg.matmul",
    "scaled_mm": "there are no 8-bit products; use tg.matmul",
    "upsample": "use F.interpolate, as PyTorch says",
    "upsample_bilinear": "use F.interpolate(x, size, mode='bilinear', align_corners=True)",
    "upsample_nearest": "use F.interpolate(x, size)",
    **dict.fromkeys(
        (
            "assert_int_or_pair", "boolean_dispatch", "handle_torch_function", "has_torch_function",
            "has_torch_function_unary", "has_torch_function_variadic",
        ),
        INSIDE,
    ),
}  # fmt: skip

OPTIM = {"SparseAdam": "gradients are dense here; use optim.Adam"}

UTILS = {
    "clip_grad_norm": "use nn.utils.clip_grad_norm_, as PyTorch says",
    "clip_grads_with_norm_": "use nn.utils.clip_grad_norm_, which finds the norm itself",
    "get_total_norm": "use what nn.utils.clip_grad_norm_(parameters, float('inf')) gives",
    "convert_conv2d_weight_memory_format": "arrays are in C order; leave it out",
    "convert_conv3d_weight_memory_format": "arrays are in C order; leave it out",
    "fuse_conv_bn_eval": "layers are not fused by hand; use tg.compile",
    "fuse_conv_bn_weights": "layers are not fused by hand; use tg.compile",
    "fuse_linear_bn_eval": "layers are not fused by hand; use tg.compile",
    "fuse_linear_bn_weights": "layers are not fused by hand; use tg.compile",
    "prune": "there is no pruning; multiply by a mask in nn.utils.parametrize.register_parametrization",
    "remove_spectral_norm": "use nn.utils.parametrize.remove_parametrizations(module, 'weight')",
    "remove_weight_norm": "use nn.utils.parametrize.remove_parametrizations(module, 'weight')",
    "skip_init": "make the layer as it is, and set its parameters",
    "stateless": "use nn.functional_call",
}

TOP = {"device": "leave it out: there is the CPU only"}

# by how users write the place
SENTENCES = {"tg": TOP, "nn": NN, "F": FUNCTIONAL, "optim": OPTIM, "nn.utils": UTILS}
