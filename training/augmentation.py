"""Augmentation of training images: other cameras, lights and surfaces, as far as colours keep their names."""

from __future__ import annotations

import cv2
import numpy as np

from ris_ros.encoding.preprocessing import IMAGENET_MEAN

BRIGHTNESS, GAINS, GAMMA, SATURATION = (0.82, 1.15), 0.05, (0.85, 1.18), (0.80, 1.15)
"""Ranges of the factor on the brightness, of the deviation of each channel, of the exponent and of the saturation."""
CURVE_KNOTS, CURVE = 5, 0.12
"""Number of the points that a random tone curve goes through, and how far they lie from the straight line."""
SHADING_SHARE, SHADING, SHADING_CELLS = 0.5, 0.3, (2, 3, 6, 12, 24)
"""Share of images with uneven brightness, its largest deviation, and numbers of cells along a side: few for the light
of a room, many for the texture of a surface."""
BLUR_SHARE, MAX_BLUR = 0.3, 1.2
"""Share of images that are blurred, and the largest standard deviation, pixels of the model's input."""
NOISE_SHARE, MAX_NOISE = 0.4, 10.0
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
    knots = np.linspace(0, 1, CURVE_KNOTS)
    for one in pixels:
        heights = np.sort(knots + rng.uniform(-CURVE, CURVE, CURVE_KNOTS))
        grey = one.mean(-1, keepdims=True)
        # The brightness follows the curve; a factor on all channels keeps the hue.
        one *= np.interp(grey, knots, heights).clip(0) / grey.clip(0.02)
    for k in np.flatnonzero(rng.random(len(images)) < SHADING_SHARE):
        pixels[k] *= 1 + _shading(images.shape[1:3], rng)
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


def _shading(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw a smooth deviation of brightness, float32 [H, W, 1]."""
    cells = int(rng.choice(SHADING_CELLS))
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32) * np.float32(rng.uniform(0, SHADING))
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC))[..., None]
