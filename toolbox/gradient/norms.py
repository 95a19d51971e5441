"""Rules for norms and softmax: functions of all values along some axes.

With g the gradient times the scale, z the normalised values, s the deviation and means over the normalised axes, the
gradient of z = (x - mean(x)) / s is (g - mean(g) - z mean(g z)) / s.
"""

from __future__ import annotations

from toolbox.gradient.step import StepBack


def pass_batch_norm(step: StepBack) -> str:
    """BatchNormalization with stored statistics: linear, so the gradient is scaled as the values are."""
    if step.place:
        step.refuse("its statistics depend on the image")
    scale, variance = step.operand(1), step.operand(4)
    nothing = step.times(scale, step.number(0))
    epsilon = step.attributes.get("epsilon", 1e-5)
    return step.add("BatchNormalization", step.gradient, scale, nothing, nothing, variance, epsilon=epsilon)


def pass_layer_norm(step: StepBack) -> str:
    """LayerNormalization over the axes from `axis` to the last."""
    _check_place(step)
    scaled = step.times(step.gradient, step.operand(1))
    return _centred(step, step.x, scaled, _last_axes(step))


def pass_root_mean_square_norm(step: StepBack) -> str:
    """RMSNormalization: without centring, (g - z mean(g z)) / s."""
    _check_place(step)
    axes = _last_axes(step)
    scaled = step.times(step.gradient, step.operand(1))
    deviation = _deviation(step, step.x, axes)
    return _projected(step, scaled, step.add("Div", step.x, deviation), deviation, axes)


def _last_axes(step: StepBack) -> str:
    """The axes from `axis` to the last one, counted from the end."""
    axis, rank = step.attributes.get("axis", -1), step.sketch.rank(step.x)
    if axis >= 0 and rank is None:
        step.refuse("the number of axes is unknown")
    return step.integers(*range(axis if axis < 0 else axis - (rank or 0), 0))


def pass_map_norm(step: StepBack) -> str:
    """InstanceNormalization: over each map of each image."""
    _check_place(step)
    rows = step.integers(0, 0, -1)
    scale = step.add("Unsqueeze", step.operand(1), step.integers(1))
    scaled = step.times(step.add("Reshape", step.gradient, rows), scale)
    return step.like_input(_centred(step, step.add("Reshape", step.x, rows), scaled, step.integers(-1)))


def pass_group_norm(step: StepBack) -> str:
    """GroupNormalization of opset 21 or newer, which scales every channel."""
    _check_place(step)
    if step.sketch.opset < 21:
        step.refuse("before opset 21 it scales groups, not channels")
    scale = step.add("Unsqueeze", step.operand(1), step.integers(1))
    scaled = step.times(step.add("Reshape", step.gradient, step.integers(0, 0, -1)), scale)
    groups = step.integers(0, step.attributes["num_groups"], -1)
    rows = [step.add("Reshape", tensor, groups) for tensor in (step.x, scaled)]
    return step.like_input(_centred(step, rows[0], rows[1], step.integers(-1)))


def pass_local_response_norm(step: StepBack) -> str:
    """LRN, y = x d^-beta with d = bias + alpha / size * the sum of x² over neighbouring channels."""
    size, beta = step.attributes["size"], step.attributes.get("beta", 0.75)
    alpha = step.attributes.get("alpha", 1e-4)
    square = _neighbours(step, step.times(step.x, step.x), size)
    bias = step.number(step.attributes.get("bias", 1.0))
    d = step.add("Add", step.times(square, step.number(alpha)), bias)
    power = step.add("Pow", d, step.number(-beta))
    inner = step.times(step.gradient, step.x, step.add("Div", power, d))
    spread = _neighbours(step, inner, size, is_turned=True)
    above = step.times(step.x, spread, step.number(2 * alpha * beta))
    return step.add("Sub", step.times(step.gradient, power), above)


def _neighbours(step: StepBack, tensor: str, size: int, is_turned: bool = False) -> str:
    """The mean over a channel and its neighbours, the missing ones at the ends as 0: a pool along the channels.

    Of an even number of channels, more are after the channel; in the turned window, more are before it.
    """
    few, many = (size - 1) // 2, size // 2
    pads = [many, 0, few, 0] if is_turned else [few, 0, many, 0]
    rows = step.add("Reshape", tensor, step.integers(0, 0, -1))
    single = step.add("Unsqueeze", rows, step.integers(1))
    mean = step.add("AveragePool", single, kernel_shape=[size, 1], pads=pads, count_include_pad=1)
    return step.like_input(mean)


def pass_softmax(step: StepBack) -> str:
    """Softmax: y (g - sum(g y))."""
    weighted = step.times(step.gradient, step.y)
    total = _sum(step, weighted)
    return step.times(step.y, step.add("Sub", step.gradient, total))


def pass_log_softmax(step: StepBack) -> str:
    """LogSoftmax: g - exp(y) sum(g)."""
    return step.add("Sub", step.gradient, step.times(step.add("Exp", step.y), _sum(step, step.gradient)))


def _sum(step: StepBack, tensor: str) -> str:
    return step.add("ReduceSum", tensor, step.integers(step.attributes.get("axis", -1)), keepdims=1)


def _check_place(step: StepBack) -> None:
    if step.place:
        step.refuse("its scale depends on the image")


def _centred(step: StepBack, x: str, g: str, axes: str) -> str:
    """The gradient of normalised values with respect to the values."""
    centred = step.add("Sub", x, _mean(step, x, axes))
    deviation = _deviation(step, centred, axes)
    shifted = step.add("Sub", g, _mean(step, g, axes))
    return _projected(step, shifted, step.add("Div", centred, deviation), deviation, axes)


def _projected(step: StepBack, g: str, z: str, deviation: str, axes: str) -> str:
    """(g - z mean(g z)) / s; the mean of z is 0 where values are centred, so g may be centred before."""
    along = step.times(z, _mean(step, step.times(g, z), axes))
    return step.add("Div", step.add("Sub", g, along), deviation)


def _deviation(step: StepBack, values: str, axes: str) -> str:
    square = _mean(step, step.times(values, values), axes)
    epsilon = step.number(step.attributes.get("epsilon", 1e-5))
    return step.add("Sqrt", step.add("Add", square, epsilon))


def _mean(step: StepBack, tensor: str, axes: str) -> str:
    return step.add("ReduceMean", tensor, axes, keepdims=1)
