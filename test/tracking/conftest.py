"""Pictures whose motion is known because they are made by it: textured discs on a textured table."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

SHAPE = (240, 320)
MIDDLE = (150, 120)


def texture(seed, low, high):
    noise = np.random.default_rng(seed).uniform(0, 1, (*SHAPE, 3)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 3)
    noise = (noise - noise.min()) / np.ptp(noise)
    return (low + noise * np.subtract(high, low)).astype(np.uint8)


TABLE = texture(1, (90, 70, 50), (190, 160, 130))
RED = texture(2, (150, 0, 0), (255, 90, 60))
BLUE = texture(3, (0, 0, 120), (60, 90, 255))


def motion(shift=(0.0, 0.0), degrees=0.0, scale=1.0):
    """A turn about the picture's MIDDLE and a shift."""
    matrix = cv2.getRotationMatrix2D(MIDDLE, degrees, scale)
    matrix[:, 2] += shift
    return matrix


def disc(moved=None, radius=36):
    """A disc about the picture's MIDDLE, bool [H, W], after a motion."""
    mask = cv2.circle(np.zeros(SHAPE, np.uint8), MIDDLE, radius, 1, -1)
    return mask > 0 if moved is None else cv2.warpAffine(mask, moved, SHAPE[::-1]) > 0


def frame(*discs, table=None):
    """Discs, (texture, motion, radius) each before the ones named earlier, on the table after a motion of its own."""
    picture = cv2.warpAffine(TABLE, motion() if table is None else table, SHAPE[::-1], borderMode=cv2.BORDER_REFLECT)
    for look, moved, radius in discs:
        inside = disc(moved, radius)
        picture[inside] = cv2.warpAffine(look, moved, SHAPE[::-1], borderMode=cv2.BORDER_REFLECT)[inside]
    return picture


def iou(a, b):
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


@pytest.fixture(scope="session")
def stage():
    return SimpleNamespace(**globals())
