"""The camera's effects on a rendered picture: shading, exposure, lens, sensor and compression."""

from __future__ import annotations

import cv2
import numpy as np

from ris_ros.sim.scene import Effects


def apply(effects: Effects, image: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Return the picture as the camera delivers it.

    Parameters
    ----------
    effects : what to apply; the default returns the image itself
    image : rendered, uint8 RGB [H, W, 3]
    depth : float32 [H, W], metres

    """
    if effects == Effects(seed=effects.seed):
        return image
    pixels: np.ndarray = image.astype(np.float32) / 255
    if effects.occlusion:
        pixels *= 1 - effects.occlusion * _occlusion(depth)[..., None]
    if effects.levels:
        brightness = pixels.max(2, keepdims=True)
        stepped = (np.floor(brightness * effects.levels) + 0.6) / effects.levels
        pixels *= np.minimum(stepped, 1) / np.maximum(brightness, 0.02)
    if effects.outline:
        pixels *= 1 - effects.outline * _edges(depth)[..., None]
    pixels *= np.array(effects.gains, np.float32)
    pixels = pixels.clip(0, 1) ** effects.gamma
    grey = pixels.mean(2, keepdims=True)
    pixels = grey + effects.saturation * (pixels - grey)
    if effects.vignette:
        y, x = np.mgrid[-1:1:image.shape[0] * 1j, -1:1:image.shape[1] * 1j]
        pixels *= (1 - 0.5 * effects.vignette * (x * x + y * y))[..., None].astype(np.float32)
    if effects.blur > 0.05:
        pixels = cv2.GaussianBlur(pixels, (0, 0), effects.blur)
    if effects.focus_blur > 0.05:
        pixels = _out_of_focus(pixels, depth, effects.focus_blur)
    if effects.noise:
        rng = np.random.default_rng(effects.seed)
        pixels = pixels + rng.standard_normal(pixels.shape, np.float32) * (effects.noise / 255)
    delivered = (pixels.clip(0, 1) * 255).round().astype(np.uint8)
    if effects.jpeg:
        _, encoded = cv2.imencode(".jpg", delivered[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, effects.jpeg])
        decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
        delivered = np.ascontiguousarray(decoded[..., ::-1])
    return delivered


def _occlusion(depth: np.ndarray) -> np.ndarray:
    """Estimate, 0..1, how much nearer surroundings keep the light from each pixel."""
    near = depth.clip(0, 3)
    return np.asarray(sum(((near - cv2.GaussianBlur(near, (0, 0), width)) / 0.06).clip(0, 1) for width in (6, 18)) / 2)


def _edges(depth: np.ndarray) -> np.ndarray:
    """Return 1 along edges, where depth jumps or a surface bends, and 0 elsewhere."""
    near = depth.clip(0, 3)
    bend = np.abs(cv2.Laplacian(near, cv2.CV_32F, ksize=3))
    edges = (bend > 0.03).astype(np.uint8)
    return cv2.GaussianBlur(cv2.dilate(edges, np.ones((2, 2), np.uint8)).astype(np.float32), (0, 0), 0.7)


def _out_of_focus(pixels: np.ndarray, depth: np.ndarray, strength: float) -> np.ndarray:
    """Blur what is nearer or farther than the middle of the image."""
    height, width = depth.shape
    focus = float(np.median(depth[height // 3:2 * height // 3, width // 3:2 * width // 3]))
    share = cv2.GaussianBlur((np.abs(depth - focus) / 0.5).clip(0, 1), (0, 0), 4)[..., None]
    return pixels * (1 - share) + cv2.GaussianBlur(pixels, (0, 0), 1.5 * strength) * share
