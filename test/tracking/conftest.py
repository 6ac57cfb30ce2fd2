"""Synthetic images with known motion: textured discs on a textured table."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from ris_ros.config import Config
from ris_ros.tracking import Tracker
from ris_ros.types import Proposals

SHAPE = (240, 320)
MIDDLE = (150, 120)
RATE = 15.0  # frames a second


def texture(seed, low, high):
    noise = np.random.default_rng(seed).uniform(0, 1, (*SHAPE, 3)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 3)
    noise = (noise - noise.min()) / np.ptp(noise)
    return (low + noise * np.subtract(high, low)).astype(np.uint8)


TABLE = texture(1, (90, 70, 50), (190, 160, 130))
RED = texture(2, (150, 0, 0), (255, 90, 60))
BLUE = texture(3, (0, 0, 120), (60, 90, 255))


def motion(shift=(0.0, 0.0), degrees=0.0, scale=1.0):
    """Return a rotation about the image's MIDDLE followed by a shift, float64 [2, 3]."""
    matrix = cv2.getRotationMatrix2D(MIDDLE, degrees, scale)
    matrix[:, 2] += shift
    return matrix


def disc(moved=None, radius=36):
    """Return the mask of a disc about the image's MIDDLE, bool [H, W], after a motion."""
    mask = cv2.circle(np.zeros(SHAPE, np.uint8), MIDDLE, radius, 1, -1)
    return mask > 0 if moved is None else cv2.warpAffine(mask, moved, SHAPE[::-1]) > 0


def frame(*discs, table=None):
    """Draw discs (texture, motion, radius), later ones in front, on the table after its own motion."""
    image = cv2.warpAffine(TABLE, motion() if table is None else table, SHAPE[::-1], borderMode=cv2.BORDER_REFLECT)
    for colours, moved, radius in discs:
        inside = disc(moved, radius)
        image[inside] = cv2.warpAffine(colours, moved, SHAPE[::-1], borderMode=cv2.BORDER_REFLECT)[inside]
    return image


def iou(a, b):
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


class ColourProposer:
    """Proposes the red and the blue regions of an image."""

    is_promptable = True

    def __init__(self):
        self.asked = []

    def embed(self, image):
        self.asked.append("embed")
        return image

    def object_in(self, image, box, points, labels):
        x1, y1, x2, y2 = np.round(box).astype(int)
        inside = np.zeros(image.shape[:2], bool)
        inside[y1:y2, x1:x2] = True
        return Proposals.from_masks(np.array([mask for mask in self._masks(image) if (mask & inside).any()], bool)
                                    .reshape(-1, *image.shape[:2]))

    def __call__(self, image, points=None, *, embedding=None):
        self.asked.append("everywhere" if points is None else "near")
        return Proposals.from_masks(self._masks(image))

    @staticmethod
    def _masks(image):
        red, green, blue = np.moveaxis(cv2.blur(image, (5, 5)).astype(int), -1, 0)
        masks = []
        for strong in (red > green + 70, blue > green + 70):
            count, labels, stats, _ = cv2.connectedComponentsWithStats(strong.astype(np.uint8))
            masks += [labels == i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] > 300]
        return np.array(masks, bool).reshape(-1, *image.shape[:2])


class ColourEncoder:
    """Returns the mean colour of each mask as its feature."""

    def encode_masks(self, image, masks, *, method):
        colours = [image[mask].mean(axis=0) for mask in masks]
        features = torch.tensor(np.array(colours).reshape(-1, 3), dtype=torch.float32)
        return SimpleNamespace(for_fusion=lambda weight: (features, features))


@pytest.fixture
def segmenter():
    proposer = ColourProposer()
    return SimpleNamespace(config=Config(), proposer=proposer, encoder=ColourEncoder(), set_image=proposer,
                           visual_weight=0.5)


@pytest.fixture
def tracker(segmenter):
    return Tracker(segmenter)


@pytest.fixture
def started(tracker):
    """A tracker of the red disc in the middle of the table."""
    tracker.start(frame((RED, motion(), 36)), disc())
    return tracker


def play(tracker, images, *, latency=0, start=0):
    """Return the answers to images; each keyframe's verification arrives `latency` frames later."""
    answers, verification, due = [], None, 0
    for number, image in enumerate(images, start + 1):
        answers.append(tracker.track(image, number / RATE))
        if verification is not None and number >= due:
            tracker.apply(verification)
            verification = None
        if verification is None and (keyframe := tracker.next_keyframe()) is not None:
            verification, due = tracker.verify(keyframe), number + latency
    return answers


def events(answers):
    return [answer.event for answer in answers if answer.event]


@pytest.fixture(scope="session")
def stage():
    """Everything above."""
    return SimpleNamespace(**globals())
