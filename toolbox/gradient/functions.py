"""Rules for functions of single values, and for arithmetic of two tensors.

At a corner, such as 0 of a ReLU, the gradient is that of torch.
"""

from __future__ import annotations

from math import pi, sqrt

from toolbox.gradient.step import StepBack

# ---- arithmetic: what an operand was repeated for is summed


def pass_addition(step: StepBack) -> str:
    """Add and Sum."""
    return step.sum_to_input(step.gradient)


def pass_average(step: StepBack) -> str:
    """Mean of several tensors."""
    return step.sum_to_input(step.times(step.gradient, step.number(1 / len(step.node.input))))


def pass_subtraction(step: StepBack) -> str:
    """Sub."""
    return step.sum_to_input(step.add("Neg", step.gradient) if step.place else step.gradient)


def pass_multiplication(step: StepBack) -> str:
    """Mul: the other factor."""
    return step.sum_to_input(step.times(step.gradient, step.operand(1 - step.place)))


def pass_division(step: StepBack) -> str:
    """Div, y = a / b: 1 / b for a, - y / b for b."""
    quotient = step.add("Div", step.gradient, step.operand(1))
    return step.sum_to_input(step.add("Neg", step.times(quotient, step.y)) if step.place else quotient)


def pass_power(step: StepBack) -> str:
    """Pow, y = a^b: b a^(b - 1) for a, y log(a) for b."""
    base = step.operand(0)
    if step.place:
        return step.sum_to_input(step.times(step.gradient, step.y, step.add("Log", base)))
    exponent = step.as_floats(step.operand(1))
    lower = step.add("Pow", base, step.add("Sub", exponent, step.number(1)))
    return step.sum_to_input(step.times(step.gradient, exponent, lower))


def pass_choice(step: StepBack) -> str:
    """Where: the gradient goes where the value is from."""
    if step.place == 0:
        return ""
    branches = [step.gradient, step.number(0)]
    return step.sum_to_input(step.add("Where", step.operand(0), *branches[:: 1 if step.place == 1 else -1]))


def pass_corner(step: StepBack) -> str:
    """Max and Min of several tensors: equal ones receive equal parts."""
    count = step.number(0)
    for name in step.node.input:
        count = step.add("Add", count, step.as_floats(step.add("Equal", name, step.y)))
    own = step.as_floats(step.add("Equal", step.x, step.y))
    return step.sum_to_input(step.times(own, step.add("Div", step.gradient, count)))


# ---- functions of one value


def pass_copy(step: StepBack) -> str:
    """Identity and Dropout."""
    return step.gradient


def pass_cast(step: StepBack) -> str:
    """Cast between types of floating-point numbers."""
    return step.as_floats(step.gradient)


def pass_constant_steps(_: StepBack) -> str:
    """Functions that are constant between jumps: the gradient is 0."""
    return ""


def pass_negation(step: StepBack) -> str:
    """Neg."""
    return step.add("Neg", step.gradient)


def pass_absolute(step: StepBack) -> str:
    """Abs: the sign."""
    return step.times(step.gradient, step.add("Sign", step.x))


def pass_square_root(step: StepBack) -> str:
    """Sqrt: 1 / (2 y)."""
    return step.add("Div", step.gradient, step.times(step.y, step.number(2)))


def pass_exponential(step: StepBack) -> str:
    """Exp: y."""
    return step.times(step.gradient, step.y)


def pass_logarithm(step: StepBack) -> str:
    """Log: 1 / x."""
    return step.add("Div", step.gradient, step.x)


def pass_reciprocal(step: StepBack) -> str:
    """Reciprocal: - y²."""
    return step.add("Neg", step.times(step.gradient, step.y, step.y))


def pass_error_function(step: StepBack) -> str:
    """Erf: 2 / sqrt(pi) exp(-x²)."""
    bell = step.add("Exp", step.add("Neg", step.times(step.x, step.x)))
    return step.times(step.gradient, bell, step.number(2 / sqrt(pi)))


def pass_sine(step: StepBack) -> str:
    """Sin."""
    return step.times(step.gradient, step.add("Cos", step.x))


def pass_cosine(step: StepBack) -> str:
    """Cos."""
    return step.add("Neg", step.times(step.gradient, step.add("Sin", step.x)))


def pass_relu(step: StepBack) -> str:
    """Relu: passes where the value is above 0."""
    return step.where(step.add("Greater", step.x, step.number(0)), step.gradient)


def pass_threshold(step: StepBack) -> str:
    """ThresholdedRelu: passes where the value is above alpha."""
    bound = step.number(step.attributes.get("alpha", 1.0))
    return step.where(step.add("Greater", step.x, bound), step.gradient)


def pass_clip(step: StepBack) -> str:
    """Clip: passes between the bounds, not at them, as torch's ReLU6."""
    inside = step.gradient
    for place, comparison in ((1, "Greater"), (2, "Less")):
        if step.operand(place):
            inside = step.where(step.add(comparison, step.x, step.operand(place)), inside)
    return inside


def pass_leaky_relu(step: StepBack) -> str:
    """LeakyRelu."""
    return _sides(
        step, step.gradient, step.times(step.gradient, step.number(step.attributes.get("alpha", 0.01)))
    )


def pass_learned_relu(step: StepBack) -> str:
    """PRelu."""
    if step.place:
        step.refuse("its slope depends on the image")
    return _sides(step, step.gradient, step.times(step.gradient, step.operand(1)))


def pass_elu(step: StepBack) -> str:
    """Elu: y + alpha below 0."""
    slope = step.add("Add", step.y, step.number(step.attributes.get("alpha", 1.0)))
    return _sides(step, step.gradient, step.times(step.gradient, slope))


def pass_selu(step: StepBack) -> str:
    """Selu: gamma above 0, y + gamma alpha below."""
    gamma = step.attributes.get("gamma", 1.05070102214813232421875)
    alpha = step.attributes.get("alpha", 1.67326319217681884765625)
    slope = step.add("Add", step.y, step.number(gamma * alpha))
    return _sides(step, step.times(step.gradient, step.number(gamma)), step.times(step.gradient, slope))


def pass_celu(step: StepBack) -> str:
    """Celu: exp(x / alpha) below 0."""
    alpha = step.number(step.attributes.get("alpha", 1.0))
    slope = step.add("Exp", step.add("Div", step.x, alpha))
    return _sides(step, step.gradient, step.times(step.gradient, slope))


def _sides(step: StepBack, above: str, below: str) -> str:
    """One gradient where the value is above 0, another where it is not."""
    return step.add("Where", step.add("Greater", step.x, step.number(0)), above, below)


def pass_sigmoid(step: StepBack) -> str:
    """Sigmoid: y (1 - y)."""
    return step.times(step.gradient, step.y, step.add("Sub", step.number(1), step.y))


def pass_hyperbolic_tangent(step: StepBack) -> str:
    """Tanh: 1 - y²."""
    return step.times(step.gradient, step.add("Sub", step.number(1), step.times(step.y, step.y)))


def pass_hard_sigmoid(step: StepBack) -> str:
    """HardSigmoid: alpha between 0 and 1."""
    sloped = step.times(step.gradient, step.number(step.attributes.get("alpha", 0.2)))
    above = step.where(step.add("Greater", step.y, step.number(0)), sloped)
    return step.where(step.add("Less", step.y, step.number(1)), above)


def pass_hard_swish(step: StepBack) -> str:
    """HardSwish: 0 up to -3, x / 3 + 1/2, 1 from 3."""
    slope = step.add("Add", step.times(step.x, step.number(1 / 3)), step.number(0.5))
    slope = step.where(step.add("Greater", step.x, step.number(-3)), slope)
    is_whole = step.add("GreaterOrEqual", step.x, step.number(3))
    return step.times(step.gradient, step.add("Where", is_whole, step.number(1), slope))


def pass_softplus(step: StepBack) -> str:
    """Softplus: the sigmoid."""
    return step.times(step.gradient, step.add("Sigmoid", step.x))


def pass_softsign(step: StepBack) -> str:
    """Softsign: 1 / (1 + |x|)²."""
    width = step.add("Add", step.add("Abs", step.x), step.number(1))
    return step.add("Div", step.gradient, step.times(width, width))


def pass_swish(step: StepBack) -> str:
    """Swish and QuickGelu, y = x s with s = sigmoid(alpha x): s + alpha y (1 - s)."""
    alpha = step.number(step.attributes.get("alpha", 1.702 if step.node.op_type == "QuickGelu" else 1.0))
    s = step.add("Sigmoid", step.times(step.x, alpha))
    rest = step.times(alpha, step.y, step.add("Sub", step.number(1), s))
    return step.times(step.gradient, step.add("Add", s, rest))


def pass_mish(step: StepBack) -> str:
    """Mish, y = x t with t = tanh(softplus(x)): t + x (1 - t²) sigmoid(x)."""
    t = step.add("Tanh", step.add("Softplus", step.x))
    rest = step.add("Sub", step.number(1), step.times(t, t))
    slope = step.add("Add", t, step.times(step.x, rest, step.add("Sigmoid", step.x)))
    return step.times(step.gradient, slope)


def pass_gelu(step: StepBack) -> str:
    """Gelu, exact or approximate."""
    return (_gelu_tanh if step.attributes.get("approximate", "none") == "tanh" else _gelu_erf)(step)


def _gelu_erf(step: StepBack) -> str:
    """Gelu, y = x P(x) with the normal distribution P and its density p: P + x p."""
    half = step.number(0.5)
    wave = step.add("Erf", step.times(step.x, step.number(sqrt(0.5))))
    share = step.times(half, step.add("Add", wave, step.number(1)))
    bell = step.add("Exp", step.times(step.x, step.x, step.number(-0.5)))
    return step.times(
        step.gradient, step.add("Add", share, step.times(step.x, bell, step.number(1 / sqrt(2 * pi))))
    )


def _gelu_tanh(step: StepBack) -> str:
    """Approximate Gelu, x (1 + t) / 2 with t = tanh(u), u = c (x + 0.044715 x³): (1 + t) / 2 + x (1 - t²) u' / 2."""
    c, square = sqrt(2 / pi), step.times(step.x, step.x)
    cubic = step.add("Add", step.times(square, step.number(0.044715)), step.number(1))
    t = step.add("Tanh", step.times(step.x, cubic, step.number(c)))
    slope = step.times(
        step.add("Add", step.times(square, step.number(3 * 0.044715)), step.number(1)), step.number(c)
    )
    rest = step.add("Sub", step.number(1), step.times(t, t))
    doubled = step.add("Add", step.add("Add", t, step.number(1)), step.times(step.x, rest, slope))
    return step.times(step.gradient, doubled, step.number(0.5))
