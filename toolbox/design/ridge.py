"""Ridge regression on a kernel, with what each image, or group of images, would score without it. Never reads a study.

Source: leave-one-out residuals in closed form: Allen (1974), doi 10.1080/00401706.1974.10489157.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolbox.resampling.arrays import FloatArray, IntArray

PENALTIES = np.logspace(-3, 4, 22)
"""Among which the penalty of a ridge is chosen, in units of the mean eigenvalue of its kernel (trace n)."""


@dataclass(frozen=True)
class RidgeChoice:
    """What leaving out images chose.

    Attributes:
        penalty: in units of the kernel.
        error: mean squared error of what was left out.
        scores: (images, categories): of every image by the ridge without it.
    """

    penalty: float
    error: float
    scores: FloatArray


@dataclass(frozen=True)
class Ridge:
    """Ridge regression on the kernel of the training images, for all penalties at once.

    The kernel is of features with a mean of 0 over these images, as `layer_kernel` makes it; the intercept is free.

    Attributes:
        kernel: (training images, training images).
        groups: (training images,): what is left out together; None where each image is left out alone.
    """

    kernel: FloatArray
    groups: IntArray | None = None

    @cached_property
    def _spectrum(self) -> tuple[FloatArray, FloatArray]:
        """Eigenvalues, none of them negative, and eigenvectors."""
        values, vectors = np.linalg.eigh(self.kernel)
        return np.maximum(values, 0), vectors

    @cached_property
    def penalties(self) -> FloatArray:
        """(penalties,): in units of the kernel."""
        return PENALTIES * max(float(self.kernel.diagonal().mean()), np.finfo(float).tiny)

    def left_out(self, targets: FloatArray) -> FloatArray:
        """The scores of every image, or group, by the ridge that was fitted without it.

        The residuals of what is left out are (I - H)_gg^-1 (residuals of the whole), so nothing is fitted twice.

        Args:
            targets: (images, categories).

        Returns: (penalties, images, categories).
        """
        return np.stack([self.left_out_at(targets, float(penalty)) for penalty in self.penalties])

    def left_out_at(self, targets: FloatArray, penalty: float) -> FloatArray:
        """The same for one penalty, (images, categories).

        Args:
            targets: (images, categories).
            penalty: in units of the kernel.
        """
        values, vectors = self._spectrum
        kept = penalty / (values + penalty)
        residuals = vectors @ (kept[:, None] * (vectors.T @ (targets - targets.mean(axis=0))))
        return targets - self._without_own(residuals, vectors, kept)

    def _without_own(self, residuals: FloatArray, vectors: FloatArray, kept: FloatArray) -> FloatArray:
        """Residuals as if each image, or its group, had not been fitted."""
        n = len(residuals)
        diagonal = (vectors**2) @ kept - 1 / n
        free = residuals / np.maximum(diagonal, np.finfo(float).eps)[:, None]
        for members in self._larger_groups:
            block = (vectors[members] * kept) @ vectors[members].T - 1 / n
            free[members] = np.linalg.pinv(block, hermitian=True) @ residuals[members]
        return free

    @cached_property
    def _larger_groups(self) -> list[IntArray]:
        """The places of the images of every group of more than one."""
        if self.groups is None:
            return []
        numbers, counts = np.unique(self.groups, return_counts=True)
        return [np.flatnonzero(self.groups == number) for number in numbers[counts > 1]]

    def choose_penalty(self, targets: FloatArray) -> RidgeChoice:
        """The penalty with the smallest squared error of what was left out.

        Args:
            targets: (images, categories).
        """
        scores = self.left_out(targets)
        errors = ((scores - targets) ** 2).mean(axis=(1, 2))
        best = int(errors.argmin())
        return RidgeChoice(float(self.penalties[best]), float(errors[best]), scores[best])

    def coefficients(self, targets: FloatArray, penalty: float) -> FloatArray:
        """(images, categories): what each training image contributes to the scores.

        Args:
            targets: (images, categories).
            penalty: in units of the kernel.
        """
        values, vectors = self._spectrum
        centred = vectors.T @ (targets - targets.mean(axis=0))
        fitted: FloatArray = vectors @ (centred / (values + penalty)[:, None])
        return fitted

    def scores(self, kernel: FloatArray, targets: FloatArray, penalty: float | None = None) -> FloatArray:
        """The scores of new images: (new images, categories).

        Args:
            kernel: (new images, training images).
            targets: (training images, categories).
            penalty: in units of the kernel; chosen by what is left out if None.
        """
        chosen = self.choose_penalty(targets).penalty if penalty is None else penalty
        return kernel @ self.coefficients(targets, chosen) + targets.mean(axis=0)
