"""Fit where prompts find something new: ``python -m training.novelty IMAGE...``.

Prints `NOVELTY_WEIGHTS` of `ris_ros/proposals/points.py`, and how well a fit to the other images ranks an image's
prompts.
The images need no labels: each is prompted in rounds, partly at random, and a prompt counts as a success if one of its
masks differs from all before.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import make_proposer
from ris_ros.proposals.points import NOVELTY_WEIGHTS, PointChooser, spread_points
from ris_ros.proposals.pool import MaskPool
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.proposals.resize import CELL_STRIDE
from ris_ros.utils.images import read_image
from ris_ros.utils.masks import pairwise_iou

FIRST, ROUND, RANDOM, ROUNDS = 32, 8, 16, 8
"""Prompts of the first round, chosen and random ones of each further round, and the number of these."""

NEW_IOU = 0.7
"""IoU with all masks so far below which a mask is new."""

STEPS, RIDGE = 25, 1.0
"""Newton steps of the fit, and the strength of its penalty on standardised weights."""


def prompts_of(proposer: PromptedProposer, image: np.ndarray, rng: np.random.Generator
               ) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors of the prompts of an image, float64 [P, 5], and whether each found a new mask, bool [P]."""
    embedding = proposer.embed(image)
    rows, columns = embedding.transform.cell_shape
    features = embedding.cells
    chooser, pool = PointChooser(image, features), MaskPool(proposer.config, embedding.transform)
    prepared = proposer.prepare(embedding)
    points = spread_points(features, FIRST)
    chooser.add(points)
    proposer.prompt(CELL_STRIDE * points, prepared, pool)
    factors: list[np.ndarray] = []
    is_new: list[bool] = []
    for _ in range(ROUNDS):
        cells = chooser.factors(pool.coarse)
        chosen = chooser.choose(pool.shown(), pool.coarse, ROUND)
        others = np.stack([rng.integers(0, columns, RANDOM), rng.integers(0, rows, RANDOM)], axis=1) + 0.5
        chooser.add(others)
        points = np.concatenate([chosen, others])
        factors.append(cells[chooser.cells_of(points)])
        for point in points:
            before = pool.coarse
            proposer.prompt(CELL_STRIDE * point[None], prepared, pool)
            iou = pairwise_iou(pool.coarse[len(before):], before)
            is_new.append(bool((iou.max(axis=1, initial=0) < NEW_IOU).any()))
    return np.concatenate(factors), np.array(is_new)


def fit(factors: np.ndarray, is_new: np.ndarray) -> np.ndarray:
    """Return the weights, and the bias at the end, of a logistic regression, float64 [6]."""
    mean, spread = factors.mean(axis=0), factors.std(axis=0)
    inputs = np.column_stack([(factors - mean) / spread, np.ones(len(factors))])
    weights = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        probability = 1 / (1 + np.exp(-inputs @ weights))
        hessian = inputs.T @ (inputs * (probability * (1 - probability))[:, None]) + RIDGE * np.eye(len(weights))
        weights -= np.linalg.solve(hessian, inputs.T @ (probability - is_new) + RIDGE * weights)
    scaled = weights[:-1] / spread
    return np.append(scaled, weights[-1] - scaled @ mean)


def ranking(factors: np.ndarray, is_new: np.ndarray, weights: np.ndarray) -> float:
    """Return the AUROC of weights on prompts; NaN where all or none found something new."""
    ranks = (factors @ weights[:-1]).argsort().argsort() + 1
    hits, count = int(is_new.sum()), len(is_new)
    if hits in (0, count):
        return float("nan")
    return float((ranks[is_new].sum() - hits * (hits + 1) / 2) / (hits * (count - hits)))


def main() -> None:
    """Fit the weights to the images that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, nargs="+", help="photographs; at least two, of different scenes")
    files = parser.parse_args().images
    proposer = make_proposer(ProposalsConfig(), "cpu")
    assert isinstance(proposer, PromptedProposer)
    rng = np.random.default_rng(0)
    data = [prompts_of(proposer, read_image(file), rng) for file in files]
    for number, file in enumerate(files):
        others = [data[other] for other in range(len(files)) if other != number]
        weights = fit(np.concatenate([factors for factors, _ in others]), np.concatenate([new for _, new in others]))
        print(f"{file.name}: AUROC {ranking(*data[number], weights):.3f}")
    weights = fit(np.concatenate([factors for factors, _ in data]), np.concatenate([new for _, new in data]))
    print(dict(zip(NOVELTY_WEIGHTS, weights.round(2).tolist(), strict=True)))


if __name__ == "__main__":
    main()
