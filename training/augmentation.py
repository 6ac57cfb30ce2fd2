"""Augmentation of training images: other cameras and lights, as far as colours keep their names."""

from __future__ import annotations

import cv2
import numpy as np

from ris_ros.encoding.preprocessing import IMAGENET_MEAN

BRIGHTNESS, GAINS, GAMMA, SATURATION = (0.82, 1.15), 0.05, (0.85, 1.18), (0.80, 1.15)
"""Ranges of the factor on the brightness, of the deviation of each channel, of the exponent and of the saturation."""
BLUR_SHARE, MAX_BLUR = 0.3, 0.9
"""Share of images that are blurred, and the largest standard deviation, pixels of the model's input."""
NOISE_SHARE, MAX_NOISE = 0.4, 9.0
"""The same for noise, in 8-bit levels."""
JPEG_SHARE, JPEG_QUALITY = 0.2, (30, 90)
"""The same for JPEG's artefacts, and their range of qualities."""
_MASKED_OUT = np.round(np.array(IMAGENET_MEAN) * 255).astype(np.uint8)
"""Colour of the pixels of a crop that are outside the mask."""


def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vary light, colour, sharpness and noise of images, uint8 [N, H, W, 3], each by itself.

    Pixels that a crop's mask leaves out keep their colour, as the encoder gives them that colour after the camera.
    """
    count = (len(images), 1, 1, 1)
    outside = (images == _MASKED_OUT).all(-1, keepdims=True)
    gains = rng.uniform(*BRIGHTNESS, count) * (1 + GAINS * rng.uniform(-1, 1, (len(images), 1, 1, 3)))
    pixels = (images / np.float32(255) * gains.astype(np.float32)).clip(0, 1) ** rng.uniform(*GAMMA, count).astype(
        np.float32)
    grey = pixels.mean(-1, keepdims=True)
    pixels = grey + rng.uniform(*SATURATION, count).astype(np.float32) * (pixels - grey)
    for k in np.flatnonzero(rng.random(len(images)) < BLUR_SHARE):
        pixels[k] = cv2.GaussianBlur(pixels[k], (0, 0), rng.uniform(0.3, MAX_BLUR))
    for k in np.flatnonzero(rng.random(len(images)) < NOISE_SHARE):
        pixels[k] += rng.standard_normal(pixels[k].shape, np.float32) * np.float32(rng.uniform(1, MAX_NOISE) / 255)
    varied = (pixels.clip(0, 1) * 255).round().astype(np.uint8)
    for k in np.flatnonzero(rng.random(len(images)) < JPEG_SHARE):
        _, encoded = cv2.imencode(".jpg", varied[k], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*JPEG_QUALITY))])
        varied[k] = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return np.where(outside, images, varied)
