"""The global path of `MosaicTower`: the mean colour of the patches under a mask."""

from torch import Tensor

from ris_ros.encoding.towers import GlobalPath
from ris_ros.encoding.towers.base import masked_mean
from ris_ros_example.encoder import MosaicTower


def encode(visual: MosaicTower, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Return the features [N, 4] of soft masks [N, rows, columns] of a preprocessed image [1, 3, H, W]."""
    return masked_mean(visual.patches(image).flatten(0, 1), masks)


MOSAIC = GlobalPath(
    "mean colour of the patches under the mask",
    applies_to=lambda visual: isinstance(visual, MosaicTower),
    encode=encode,
    patch_grid=lambda visual: (visual.image_size // visual.patch_size,) * 2)
