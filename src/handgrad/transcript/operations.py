"""The operations that a network may be made of: what computes with tensors, and nothing that reads files or memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

LISTED = """
    abs absolute acos acosh adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
    adaptive_max_pool2d adaptive_max_pool3d add addbmm addcdiv addcmul addmm addmv addr adjoint
    affine_grid_generator alias all alpha_dropout amax amin aminmax angle any arange argmax argmin argsort argwhere
    asin asinh atan atan2 atanh atleast_1d atleast_2d atleast_3d avg_pool1d avg_pool2d avg_pool3d baddbmm batch_norm
    bernoulli bilinear bitwise_and bitwise_not bitwise_or bitwise_xor bmm cat cdist ceil celu chain_matmul
    channel_shuffle chunk clamp clamp_max clamp_min clip clone col2im column_stack complex concat concatenate conj
    constant_pad_nd contiguous conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution
    copy copysign cos cosh cosine_similarity count_nonzero cummax cummin cumprod cumsum deg2rad detach diag
    diag_embed diagonal diff dist div divide dot dropout dstack einsum elu embedding empty empty_like eq erf erfc
    erfinv exp exp2 expand expand_as expm1 eye fake_quantize_per_tensor_affine feature_alpha_dropout feature_dropout
    fft_fft fft_fft2 fft_fftn fft_fftshift fft_ifft fft_ifft2 fft_ifftn fft_ifftshift fft_irfft fft_irfft2
    fft_irfftn fft_rfft fft_rfft2 fft_rfftn fill flatten flip fliplr flipud float_power floor floor_divide fmod frac
    full full_like gather ge gelu ger glu greater greater_equal grid_sampler grid_sampler_2d grid_sampler_3d
    group_norm gru gt hardshrink hardsigmoid hardswish hardtanh heaviside hstack hypot im2col imag index index_add
    index_copy index_fill index_select inner instance_norm isfinite isinf isnan kron layer_norm le leaky_relu lerp
    less less_equal lift_fresh lift_fresh_copy linalg_matrix_norm linalg_multi_dot linalg_norm linalg_vecdot
    linalg_vector_norm linear linspace log log10 log1p log2 log_sigmoid log_softmax logaddexp logaddexp2
    logcumsumexp logical_and logical_not logical_or logical_xor logit logsumexp lstm lt masked_fill masked_select
    matmul matrix_H max max_pool1d max_pool2d max_pool2d_with_indices max_pool3d max_unpool2d maximum mean median
    meshgrid mH min minimum mish mm moveaxis movedim mse_loss mT mul multiply mv nan_to_num nanmean nansum narrow
    native_batch_norm native_channel_shuffle native_dropout native_group_norm native_layer_norm ne neg negative
    new_empty new_full new_ones new_zeros nonzero norm norm_except_dim normal not_equal numpy_T one_hot ones
    ones_like outer pad pairwise_distance permute pixel_shuffle pixel_unshuffle polar positive pow prelu prod
    rad2deg rand rand_like randint randn randn_like ravel real reciprocal reflection_pad1d reflection_pad2d relu
    relu6 remainder renorm repeat repeat_interleave replication_pad1d replication_pad2d reshape resolve_conj
    resolve_neg rms_norm rnn_relu rnn_tanh roll rot90 round rrelu rsqrt rsub scalar_tensor
    scaled_dot_product_attention scatter scatter_add select select_scatter selu sgn sigmoid sign signbit silu sin
    sinc sinh slice slice_scatter softmax softplus softshrink sort special_erf special_expit split split_with_sizes
    sqrt square squeeze stack std std_mean sub subtract sum swapaxes swapdims t take_along_dim tan tanh tensor_split
    tensordot threshold tile to topk transpose tril tril_indices triu triu_indices true_divide trunc type_as unbind
    unflatten unfold uniform unsqueeze upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d
    upsample_nearest2d var var_mean vdot view view_as view_as_complex view_as_real vstack where xlogy zero zeros
    zeros_like _log_softmax _reshape_alias _softmax _to_copy _unsafe_view _weight_norm
"""
# Listed by name and not by what torch marks as safe: a new operation is unknown until somebody has looked at it.
NAMES = frozenset(LISTED.split())
"""Of ``torch.ops.aten``; a name stands for its overloads and for the form that works in place (``relu_``)."""


def flat_reshape(values: Tensor, shape: list[int]) -> Tensor:
    """``view`` as it was recorded, for tensors laid out otherwise too: training keeps them channels last."""
    return values.reshape(shape)


def norm_of_batch(
    values: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    training: bool,
    momentum: float,
    epsilon: float,
    _: bool = True,
) -> Tensor:
    """``aten.batch_norm`` by the function that people call."""
    return F.batch_norm(values, mean, variance, weight, bias, training, momentum, epsilon)


PUBLIC: Mapping[str, Callable[..., Any]] = {
    "batch_norm": norm_of_batch,
    "conv2d": F.conv2d,
    "linear": F.linear,
    "relu": F.relu,
    "max_pool2d": F.max_pool2d,
    "avg_pool2d": F.avg_pool2d,
    "adaptive_avg_pool2d": F.adaptive_avg_pool2d,
    "dropout": F.dropout,
    "layer_norm": torch.layer_norm,
    "group_norm": torch.group_norm,
    "mean": torch.mean,
    "flatten": torch.flatten,
    "matmul": torch.matmul,
    "log_softmax": F.log_softmax,
    "view": flat_reshape,
    "_unsafe_view": flat_reshape,
    "_reshape_alias": lambda values, shape, stride: values.reshape(shape),
    "reshape": flat_reshape,
    "lift_fresh_copy": torch.clone,
    "lift_fresh": lambda values: values,
}
"""Where a function that people call does the same as the operation below it, that one is used, for those who look on."""


def known_operation(name: str) -> bool:
    """Whether ``aten.base.overload`` is one that a network may use."""
    parts = name.split(".")
    if len(parts) != 3 or parts[0] != "aten":
        return False
    return parts[1] in NAMES or (parts[1].endswith("_") and parts[1][:-1] in NAMES)


def operation(name: str) -> Callable[..., Any]:
    """Return what computes ``aten.base.overload``; raise ValueError for a name that is not known."""
    if not known_operation(name):
        raise ValueError(f"the operation {name[:80]!r} is not known")
    _, base, overload = name.split(".")
    # `view` has a form that takes a type, `mean` one with names of dimensions; the public functions have not.
    if base in PUBLIC and (base not in ("mean", "view") or overload in ("dim", "default")):
        return PUBLIC[base]
    found = getattr(getattr(torch.ops.aten, base, None), overload, None)
    if found is None or not on_tensors(found):
        raise ValueError(f"the operation {name[:80]!r} is not known")
    return found  # type: ignore[no-any-return]


def on_tensors(overload: Any) -> bool:
    """Whether *overload* takes or gives a tensor: torch has forms for lists, strings and tables under the same names."""
    kinds = [str(each.type) for each in [*overload._schema.arguments, *overload._schema.returns]]
    return any("Tensor" in kind for kind in kinds) and not any("Dict" in kind for kind in kinds)
