"""Make the stock images, on which a model without a calibration is calibrated.

    python -m training.stock_images PHOTOGRAPH...

The photographs were chosen from those that scikit-image ships and that are in the public domain or under CC0:
astronaut.png (NASA), chelsea.png (Stefan van der Walt), coffee.png (Rachel Michetti) and rocket.jpg (SpaceX). The other
images show the simulated tabletop in the styles that the bundled model is trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ris_ros.calibration import STOCK_FOLDER
from ris_ros.config import ProposalsConfig
from ris_ros.proposals import make_proposer
from ris_ros.sim.samples import samples
from ris_ros.sim.styles import styles_of
from ris_ros.utils.images import read_image, write_image
from ris_ros.utils.masks import mask_to_rle

RENDERED = 12
FIRST_SCENE = 90_000
"""Within the training split, beyond the scenes that the bundled model is trained on."""
LONGER_SIDE = 560
MAX_MASKS = 24
"""Of one image, drawn at random: a photograph has many, and encoding them takes time."""


def main() -> None:
    """Render, propose masks and write the folder."""
    parser = argparse.ArgumentParser(prog="python -m training.stock_images", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, nargs="*", metavar="PHOTOGRAPH")
    options = parser.parse_args()
    proposer = make_proposer(ProposalsConfig(), "cpu")
    rng = np.random.default_rng(0)
    rows = {}
    for name, image in _images(options.photographs):
        file = STOCK_FOLDER / f"{name}.jpg"
        write_image(file, _shrunk(image))
        masks = proposer(read_image(file)).masks
        kept = np.sort(rng.permutation(len(masks))[:MAX_MASKS])
        rows[file.name] = [mask_to_rle(mask) for mask in masks[kept]]
        print(f"{file.name}: {len(kept)} of {len(masks)} masks")
    (STOCK_FOLDER / "masks.json").write_text(json.dumps(rows) + "\n")


def _images(photographs: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    for path in photographs:
        yield path.stem, read_image(path)
    styles = styles_of("train")
    for number, sample in enumerate(samples("train", RENDERED, FIRST_SCENE, per_kind=0, styles=styles)):
        yield f"tabletop_{number:02d}", sample.rendering.image


def _shrunk(image: np.ndarray) -> np.ndarray:
    factor = min(1.0, LONGER_SIDE / max(image.shape[:2]))
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
