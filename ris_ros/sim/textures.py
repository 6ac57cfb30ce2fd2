"""Procedural textures, light grey, to be tinted by the colour of what they cover."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np


def wood() -> np.ndarray:
    """Draw wood: boards with long fibres and year rings, uint8 [512, 512, 3]."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:1:512j, 0:1:512j]
    board = np.minimum((y * 5).astype(int), 4)
    tone, offset, bend = rng.uniform(-0.05, 0.05, 5)[board], rng.uniform(0, 9, 5)[board], rng.uniform(4, 9, 5)[board]
    rings = np.sin(38 * (y + 0.035 * np.sin(bend * x + offset)) + 4 * np.sin(2.1 * x + offset) + offset)
    fibres = rng.normal(size=(512, 40)).repeat(13, axis=1)[:, :512]
    seam = np.abs(y * 5 - np.round(y * 5)) < 0.012
    return _to_bytes(0.90 + tone + 0.045 * rings + 0.022 * fibres - 0.22 * (seam & (y > 0.02) & (y < 0.98)))


def tile() -> np.ndarray:
    """Draw tiles, uint8 [256, 256, 3]."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[0:256, 0:256]
    joint = (x % 128 < 2) | (y % 128 < 2)
    return _to_bytes(0.93 + rng.normal(size=(256, 256)) * 0.012 - 0.16 * joint)


def _planks() -> np.ndarray:
    """Draw planks of different tones with a strong grain."""
    rng = np.random.default_rng(11)
    y, x = _grid()
    plank = (x * 6).astype(int)
    grain = np.sin(60 * (x + 0.03 * np.sin(5 * y + plank)) + plank) * 0.06
    return 0.80 + rng.uniform(-0.14, 0.14, 6)[plank] + grain - 0.3 * (np.abs(x * 6 - np.round(x * 6)) < 0.02)


def _parquet() -> np.ndarray:
    rng = np.random.default_rng(12)
    y, x = _grid()
    row, column = (y * 4).astype(int), (x * 4).astype(int)
    strip = np.where((row + column) % 2, (x * 16).astype(int) % 4, (y * 16).astype(int) % 4)
    return 0.80 + rng.uniform(-0.15, 0.15, (4, 4, 4))[row, column, strip]


def _checks() -> np.ndarray:
    y, x = _grid()
    return 1.0 - 0.22 * ((x * 16 % 2) < 1) - 0.22 * ((y * 16 % 2) < 1)


def _stripes() -> np.ndarray:
    _, x = _grid()
    return 0.98 - 0.3 * ((x * 10 % 1) < 0.4) + 0.1 * ((x * 20 % 1) < 0.2)


def _dots() -> np.ndarray:
    y, x = _grid()
    y, x = y * 10, x * 10 + 0.5 * (np.floor(y * 10) % 2)
    return 0.95 - 0.35 * (np.hypot(x % 1 - 0.5, y % 1 - 0.5) < 0.25)


def _brick() -> np.ndarray:
    y, x = _grid()
    row = np.floor(y * 12)
    x = x * 6 + 0.5 * (row % 2)
    joint = (x % 1 < 0.04) | (y * 12 % 1 < 0.08)
    tone = np.random.default_rng(13).uniform(-0.12, 0.12, (12, 8))[row.astype(int), x.astype(int)]
    return np.where(joint, 1.0, 0.78 + tone)


def _weave() -> np.ndarray:
    y, x = _grid()
    noise = np.random.default_rng(14).normal(size=x.shape) * 0.03
    return 0.85 + 0.07 * np.sin(x * 400) * np.sin(y * 400) + noise + 0.05 * np.sign(np.sin(x * 200) * np.sin(y * 200))


def _clouds() -> np.ndarray:
    return 0.80 + 0.18 * _noise(15, (4, 8, 16, 32))


def _mottled() -> np.ndarray:
    return 0.88 + 0.12 * _noise(16, (8, 16))


def _grain() -> np.ndarray:
    rng = np.random.default_rng(17)
    return 0.88 + 0.10 * cv2.GaussianBlur(rng.normal(size=(256, 256)), (1, 31), 0) * 3


def _brushed() -> np.ndarray:
    rng = np.random.default_rng(18)
    return 0.85 + 0.06 * np.repeat(cv2.GaussianBlur(rng.normal(size=(256, 1)), (1, 3), 0), 256, 1) \
        + 0.02 * rng.normal(size=(256, 256))


def _speckle() -> np.ndarray:
    rng = np.random.default_rng(19)
    chips = cv2.GaussianBlur(rng.normal(size=(256, 256)), (0, 0), 1.4)
    return 0.90 - 0.35 * (chips > 0.42) + 0.08 * (chips < -0.42)


def _marble() -> np.ndarray:
    y, x = _grid()
    return 0.92 - 0.30 * (1 - np.abs(np.sin(6 * (x + y) + 4 * _noise(20, (4, 8, 16))))) ** 4


def _glaze() -> np.ndarray:
    y, _ = _grid()
    return 0.84 + 0.14 * np.tanh(6 * np.sin(2 * np.pi * (y * 2 + 0.1 * _noise(21, (8, 16)))))


def _bands() -> np.ndarray:
    y, _ = _grid()
    return 1.0 - 0.22 * ((y * 8 % 1) < 0.35)


TEXTURES: dict[str, Callable[[], np.ndarray]] = {
    "planks": _planks, "parquet": _parquet, "checks": _checks, "stripes": _stripes, "dots": _dots, "brick": _brick,
    "weave": _weave, "clouds": _clouds, "mottled": _mottled, "grain": _grain, "brushed": _brushed,
    "speckle": _speckle, "marble": _marble, "glaze": _glaze, "bands": _bands,
}
"""Name -> a function that draws the brightness, float [H, W], 0..1."""


def texture(name: str) -> np.ndarray:
    """Draw a texture by its name, uint8 [H, W, 3]."""
    if name in ("wood", "tile"):
        return wood() if name == "wood" else tile()
    return _to_bytes(TEXTURES[name]())


def _grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = (np.mgrid[0:256, 0:256] + 0.5) / 256
    return y, x


def _noise(seed: int, cells: tuple[int, ...]) -> np.ndarray:
    """Return smooth noise, float [256, 256], about -1..1, that repeats at the edges."""
    rng = np.random.default_rng(seed)
    total: np.ndarray = np.zeros((256, 256))
    for octave, count in enumerate(cells):
        values = np.pad(rng.uniform(-1, 1, (count, count)), 2, mode="wrap")
        scale = 256 // count
        smooth = cv2.resize(values, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        total = total + smooth[2 * scale:2 * scale + 256, 2 * scale:2 * scale + 256] / 1.6 ** octave
    return total / np.abs(total).max()


def _to_bytes(grey: np.ndarray) -> np.ndarray:
    return np.repeat((np.clip(grey, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
