"""How a written loss weighs its two terms: sums, means and factors brought together.

A loss is often written with means over pixels or latents. That changes the weight of
the terms by factors as large as an image. What counts is one number, and it can be read
from the code before anything is trained.
"""

from typing import Literal

Reduction = Literal["sum", "mean"]
Likelihood = Literal["gaussian", "laplace", "bernoulli"]


def effective_beta(
    n_pixels: int,
    n_latents: int,
    *,
    pixels: Reduction | Literal["half sum"] = "sum",
    latents: Reduction = "sum",
    pixel_weight: float = 1.0,
    latent_weight: float = 1.0,
    likelihood: Likelihood = "gaussian",
) -> float:
    r"""Return the weight of the KL term that a written loss really has.

    Written out, the loss is $a \sum_i e_i + b \sum_k \mathrm{KL}_k$ over pixels and
    latents, mean over the batch. Minus the evidence lower bound with its KL weighted
    by $\beta$ is a multiple of it, up to a constant, if $\beta$ fits:

    - squared errors $e = (x - \hat x)^2$, a Gaussian: $\beta\sigma^2 = b / 2a$;
    - absolute errors $e = |x - \hat x|$, a Laplace density of scale $s$:
      $\beta s = b / a$;
    - cross-entropies, a Bernoulli: $\beta = b / a$.

    Only the product with $\sigma^2$ or $s$ is fixed: the loss does not say which part
    of it is $\beta$.

    Args:
        n_pixels: numbers per image, height times width times channels.
        n_latents: numbers in the code, all places of a grid counted.
        pixels: how the error is reduced over one image; `"half sum"` is half the sum.
        latents: how the KL is reduced over one code.
        pixel_weight: factor in front of the first term.
        latent_weight: factor in front of the second; 2 for a KL without its half.
        likelihood: what the error is, see above.

    Returns:
        $\beta\sigma^2$ in squared units of the pixels, $\beta s$ in their unit, or
        $\beta$, which has none.

    Raises:
        ValueError: for sizes below 1, a weight that makes no loss, unknown words.

    Example:
        >>> round(effective_beta(784, 32, pixels="mean", latents="mean"), 6)
        12.25
        >>> effective_beta(784, 32, pixels="half sum")
        1.0

    Source: Higgins et al., beta-VAE (2017), section 4.1, normalises beta in this way;
        Rybkin et al., Simple and effective VAE training (2021), section 3.
    Taught in: chapter 7.
    """
    _check_sizes(n_pixels, n_latents, pixel_weight, latent_weight)
    a = pixel_weight * _factor("pixels", pixels, n_pixels)
    b = latent_weight * _factor("latents", latents, n_latents)
    doubled = {"gaussian": 2.0, "laplace": 1.0, "bernoulli": 1.0}
    if likelihood not in doubled:
        raise ValueError(
            f"`likelihood` must be one of {', '.join(doubled)}, got {likelihood!r}"
        )
    return b / (doubled[likelihood] * a)


def _factor(name: str, reduction: str, n: int) -> float:
    factors = {"sum": 1.0, "mean": 1.0 / n}
    if name == "pixels":
        factors["half sum"] = 0.5
    if reduction not in factors:
        raise ValueError(
            f"`{name}` must be one of {', '.join(factors)}, got {reduction!r}: put any "
            "other factor into the weight"
        )
    return factors[reduction]


def _check_sizes(
    n_pixels: int, n_latents: int, pixel_weight: float, latent_weight: float
) -> None:
    for name, n in (("n_pixels", n_pixels), ("n_latents", n_latents)):
        if n != int(n) or n < 1:
            raise ValueError(
                f"`{name}` must be a whole number of at least 1, got {n}: count what "
                "one image has"
            )
    if not pixel_weight > 0:
        raise ValueError(
            f"`pixel_weight` must be positive, got {pixel_weight}: without an error of "
            "the pixels nothing is learnt"
        )
    if not latent_weight >= 0:
        raise ValueError(f"`latent_weight` must not be negative, got {latent_weight}")
