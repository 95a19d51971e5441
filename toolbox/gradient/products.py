"""Rules for matrix products."""

from __future__ import annotations

from toolbox.gradient.step import StepBack


def pass_affine_product(step: StepBack) -> str:
    """Gemm, y = alpha A B + beta C: g Bᵀ for A, Aᵀ g for B, with the transposed matrices where it transposes them."""
    first, second = step.attributes.get("transA", 0), step.attributes.get("transB", 0)
    alpha, g = step.attributes.get("alpha", 1.0), step.gradient
    a, b = step.operand(0), step.operand(1)
    if step.place == 2:
        return step.sum_to_input(step.times(g, step.number(step.attributes.get("beta", 1.0))))
    if step.place == 0 and first:
        return step.add("Gemm", b, g, transA=second, transB=1, alpha=alpha)
    if step.place == 0:
        return step.add("Gemm", g, b, transB=1 - second, alpha=alpha)
    if second:
        return step.add("Gemm", g, a, transA=1, transB=first, alpha=alpha)
    return step.add("Gemm", a, g, transA=1 - first, alpha=alpha)


def pass_product(step: StepBack) -> str:
    """MatMul: g Bᵀ or Aᵀ g in the last two axes, summed over the axes along which this operand was repeated."""
    ranks = [step.sketch.rank(name) for name in step.node.input]
    if None in ranks:
        step.refuse("the number of axes of an operand is unknown")
    row, column = step.integers(-2), step.integers(-1)
    a, b = step.node.input
    g = step.gradient
    if ranks[0] == 1:
        a, g = step.add("Unsqueeze", a, row), step.add("Unsqueeze", g, column if ranks[1] == 1 else row)
    if ranks[1] == 1:
        b, g = step.add("Unsqueeze", b, column), step.add("Unsqueeze", g, column)
    own = (a, b)[step.place]
    operands = (g, _turned(step, b, ranks[1])) if step.place == 0 else (_turned(step, a, ranks[0]), g)
    return step.like_input(step.sum_to(step.add("MatMul", *operands), own))


def _turned(step: StepBack, matrix: str, rank: int | None) -> str:
    """Matrices with rows and columns exchanged."""
    axes = list(range(max(rank or 0, 2)))
    return step.add("Transpose", matrix, perm=[*axes[:-2], axes[-1], axes[-2]])


def pass_einsum(step: StepBack) -> str:
    """Einsum of two operands: the other operand and the gradient, summed over what this operand lacks."""
    equation = step.attributes["equation"].replace(" ", "")
    operands, arrow, outcome = equation.partition("->")
    letters = operands.split(",")
    if not arrow or "." in equation or len(letters) != 2:
        step.refuse(f"the equation {equation!r} is not of two operands with all axes named")
    own, other = letters[step.place], letters[1 - step.place]
    if not set(own) <= set(outcome + other) or any(len(set(part)) < len(part) for part in (own, other)):
        step.refuse(f"the equation {equation!r} sums over an axis of one operand alone, or takes a diagonal")
    return step.add(
        "Einsum", step.gradient, step.operand(1 - step.place), equation=f"{outcome},{other}->{own}"
    )
