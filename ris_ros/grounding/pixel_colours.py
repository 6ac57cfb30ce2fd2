"""Names of the colours of masks, from their pixels alone: for detectors, which name objects but hardly colours."""

from __future__ import annotations

import cv2
import numpy as np

PROTOTYPES = {
    "red": ((190, 30, 30), (225, 80, 75), (120, 15, 20)), "orange": ((235, 125, 25), (245, 160, 80)),
    "yellow": ((235, 210, 50), (200, 175, 40)), "green": ((45, 150, 60), (30, 85, 40), (120, 190, 100)),
    "blue": ((35, 80, 190), (90, 140, 220), (20, 40, 100)), "purple": ((120, 50, 150), (165, 110, 195), (70, 30, 90)),
    "pink": ((240, 140, 180), (225, 90, 150)), "brown": ((120, 75, 40), (85, 50, 30), (150, 105, 70)),
    "black": ((20, 20, 20), (50, 50, 50)), "white": ((245, 245, 245), (215, 215, 215)),
    "grey": ((128, 128, 128), (165, 165, 165), (90, 90, 90))}
"""The basic colour terms of English and sRGB values that go by them, in light and in shade; set by hand."""

LIGHTNESS_WEIGHT = 0.5
"""Weight of a difference in lightness, which shading changes, beside those in hue and saturation (CIE L*a*b*)."""
DISTANCE_SCALE = 9.0
"""Distance in that space over which a colour becomes less likely by a factor of e."""
MAX_PIXELS = 800
"""Pixels of a mask that are read."""


def colour_probabilities(image: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the probability of each colour of `PROTOTYPES` for each mask, float64 [N, C].

    Parameters
    ----------
    image : uint8 RGB [H, W, 3]
    masks : bool [N, H, W]

    """
    names = np.repeat(np.arange(len(PROTOTYPES)), [len(values) for values in PROTOTYPES.values()])
    anchors = _lab(np.array([value for values in PROTOTYPES.values() for value in values], np.uint8))
    rows = np.full((len(masks), len(PROTOTYPES)), 1 / len(PROTOTYPES))
    for row, mask in zip(rows, masks, strict=True):
        pixels = image[mask]
        if not len(pixels):
            continue
        pixels = pixels[::-(-len(pixels) // MAX_PIXELS)]
        distance = np.linalg.norm(_lab(pixels)[:, None] - anchors, axis=2)
        nearest = np.stack([distance[:, names == i].min(axis=1) for i in range(len(PROTOTYPES))], axis=1)
        # The pixels of a mask are no independent witnesses: their mean distance counts once.
        likelihood = np.exp(-(np.quantile(nearest, 0.4, axis=0) - nearest.min()) / DISTANCE_SCALE)
        row[:] = likelihood / likelihood.sum()
    return rows


def _lab(pixels: np.ndarray) -> np.ndarray:
    """Return pixels, uint8 RGB [P, 3], in CIE L*a*b*, with lightness weighted, float32 [P, 3]."""
    lab: np.ndarray = cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    return lab * np.array([LIGHTNESS_WEIGHT, 1, 1], np.float32)
