"""Training data: encoder inputs for masks of simulated scenes, with labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image

from ris_ros.encoding.preprocessing import IMAGENET_MEAN
from ris_ros.sim.degradation import cut_mask, degrade_mask
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.shapes import Pair
from ris_ros.sim.styles import PLAIN
from ris_ros.sim.tabletop import PairFilter, sample_scene
from ris_ros.types import Proposals
from ris_ros.utils.masks import mask_box, mask_iou
from training.texts import BACKGROUND_CLASSES, CATEGORY_NAMES, COLOUR_NAMES

SCENES_PER_SHARD = 50
"""Scenes in one file of rendered views."""
MIN_OBJECT_PIXELS, MIN_PART_PIXELS = 100, 60
"""Pixels of 640 x 480 from which on a mask of an object or surface, or of a part of an object, is used."""
_MAX_PROPOSED = {"table": 3, "floor": 2, "several": 4, "part": 12, "distractor": 4}
"""Maximum number of proposed masks of each background class that is taken from a scene."""

Label = tuple[int, int, int]
"""Indices of colour, category and background class; the first two are -1 for background, the last for objects."""
Proposer = Callable[[np.ndarray], Proposals]
"""Image, uint8 RGB [H, W, 3] -> mask proposals."""


@dataclass(frozen=True, eq=False)
class TrainingViews:
    """The model inputs for N masks in S scenes.

    Attributes
    ----------
    images : uint8 [S, size, size, 3], whole images, resized without keeping their aspect ratio
    scene : int64 [N], index in `images`
    masks : uint8 [N, 2, grid, grid], soft masks on the patch grid, 255 is full: the true one and a degraded one
    crops : uint8 [N, 2, size, size, 3], masked crops of the same two masks
    colour, category : int64 [N], index of the name; -1 for background
    background : int64 [N], index in BACKGROUND_CLASSES; -1 for objects

    """

    images: np.ndarray
    scene: np.ndarray
    masks: np.ndarray
    crops: np.ndarray
    colour: np.ndarray
    category: np.ndarray
    background: np.ndarray

    @classmethod
    def concatenate(cls, parts: list[TrainingViews]) -> TrainingViews:
        """Join the views of several sets of scenes."""
        starts = np.cumsum([0] + [len(part.images) for part in parts[:-1]])
        columns = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)}
        columns["scene"] = np.concatenate([part.scene + start for part, start in zip(parts, starts, strict=True)])
        return cls(**columns)


def load_or_render(folder: Path, seeds: Iterable[int], size: int, grid: int,
                   progress: Callable[[range], Iterable[int]] = lambda shards: shards,
                   proposer: Proposer | None = None, *, exclude_pairs: Collection[Pair] = (),
                   only_pairs: Collection[Pair] | None = None, style: str = PLAIN) -> TrainingViews:
    """Load the views of scenes from the shards in a folder; render and save missing shards.

    Parameters
    ----------
    folder : of the shards
    seeds : of the scenes
    size : pixels of the model's input along one side
    grid : patches of the model's input along one side
    progress : wraps the shards, such as ``tqdm``
    proposer : source of additional masks, used if the ground truth labels them clearly; such shards have other names
    exclude_pairs, only_pairs, style : as in :func:`tabletop.sample_scene`; the folder has scenes of one style only

    """
    folder.mkdir(parents=True, exist_ok=True)
    seeds = list(seeds)
    pairs = PairFilter(exclude_pairs=exclude_pairs, only_pairs=only_pairs)
    parts = []
    with Renderer() as renderer:
        for start in progress(range(0, len(seeds), SCENES_PER_SHARD)):
            path = folder / f"{seeds[start]}-{size}-{grid}{'-proposed' if proposer else ''}.npz"
            if not path.is_file():
                part = TrainingViews.concatenate([
                    _render_views(renderer, sample_scene(seed, style=style, **pairs), seed, size, grid, proposer)
                    for seed in seeds[start:start + SCENES_PER_SHARD]])
                unfinished = path.with_suffix(".part.npz")
                np.savez(unfinished, **{field.name: getattr(part, field.name) for field in fields(part)})
                unfinished.rename(path)
            with np.load(path) as arrays:
                parts.append(TrainingViews(**arrays))
    return TrainingViews.concatenate(parts)


def _render_views(renderer: Renderer, scene: Scene, seed: int, size: int, grid: int, proposer: Proposer | None
                  ) -> TrainingViews:
    rendering = renderer.render(scene)
    rng = np.random.default_rng((seed, 17811))
    labelled = list(_true_masks(scene, rendering, rng))
    if proposer is not None:
        labelled += _proposed_masks(scene, rendering, proposer(rendering.image).masks, rng)
    labels, masks = zip(*labelled, strict=True)
    both = [variant for mask in masks for variant in (mask, degrade_mask(mask, rendering, rng))]
    crops = np.stack([_crop(rendering.image, mask, size) for mask in both])
    colour, category, background = np.array(labels, np.int64).T
    return TrainingViews(
        images=_resize(rendering.image, size)[None], scene=np.zeros(len(masks), np.int64),
        masks=_soft_masks(both, grid).reshape(-1, 2, grid, grid), crops=crops.reshape(-1, 2, size, size, 3),
        colour=colour, category=category, background=background)


# --- encoder inputs ---------------------------------------------------------------------------------------------------

def _crop(image: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """Crop like the encoder's `masked_crop`, but on bytes, which is several times faster."""
    x1, y1, x2, y2 = mask_box(mask)
    mean = np.round(np.array(IMAGENET_MEAN) * 255).astype(np.uint8)
    return _resize(np.where(mask[y1:y2, x1:x2, None], image[y1:y2, x1:x2], mean), size)


def _resize(image: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC))


def _soft_masks(masks: list[np.ndarray], grid: int) -> np.ndarray:
    """Resize like the encoder's `resize_masks`, to uint8 [N, grid, grid], from masks reduced to a quarter first."""
    small = np.stack([cv2.resize(mask.astype(np.uint8) * 255, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
                      for mask in masks])
    cells = F.interpolate(torch.from_numpy(small)[:, None].float(), (grid, grid), mode="bilinear", antialias=True)
    return cells[:, 0].round().to(torch.uint8).numpy()


# --- labelled masks ---------------------------------------------------------------------------------------------------

def _true_masks(scene: Scene, rendering: Rendering, rng: np.random.Generator) -> Iterator[tuple[Label, np.ndarray]]:
    """Yield label and mask of every visible object and of an example of each background class."""
    objects = []
    for index in range(len(scene.objects)):
        mask = rendering.mask(index)
        if mask.sum() >= MIN_OBJECT_PIXELS:
            objects.append(mask)
            yield _object_label(scene, index), mask
    table, floor = _surfaces(rendering)
    for name, surface in (("table", table), ("floor", floor)):
        patch = surface if rng.random() < 0.3 else surface & _random_ellipse(surface, rng)
        if patch.sum() >= MIN_OBJECT_PIXELS:
            yield _background_label(name), patch
    for index in range(len(scene.distractors)):
        mask = _distractor(rendering, index)
        if mask.sum() >= MIN_OBJECT_PIXELS:
            yield _background_label("distractor"), mask
    if len(objects) > 1:
        first = rng.integers(len(objects))
        centroids = np.array([np.argwhere(mask).mean(0) for mask in objects])
        nearest = np.argsort(np.linalg.norm(centroids - centroids[first], axis=1))[1]
        yield _background_label("several"), objects[first] | objects[nearest]
    whole = objects[rng.integers(len(objects))]
    part = cut_mask(whole, rng.uniform(0.2, 0.5), rng)
    if part.sum() >= MIN_PART_PIXELS:
        yield _background_label("part"), part


def _proposed_masks(scene: Scene, rendering: Rendering, masks: np.ndarray, rng: np.random.Generator
                    ) -> list[tuple[Label, np.ndarray]]:
    """Return label and mask of a proposer's masks, bool [N, H, W], without ambiguous ones."""
    labelled: list[tuple[Label, np.ndarray]] = []
    taken = dict.fromkeys(BACKGROUND_CLASSES, 0)
    count = len(scene.objects)
    areas = np.bincount(rendering.instances.ravel(), minlength=count + 1)[1:]
    table, floor = _surfaces(rendering)
    for mask in rng.permutation(masks):
        covered = np.bincount(rendering.instances[mask], minlength=count + 1)[1:]
        area, best = mask.sum(), int(covered.argmax())
        others = max((mask_iou(mask, _distractor(rendering, i)) for i in range(len(scene.distractors))), default=0.0)
        iou = covered[best] / (area + areas[best] - covered[best])
        if iou >= 0.75 and areas[best] >= MIN_OBJECT_PIXELS:
            labelled.append((_object_label(scene, best), mask))
            continue
        if others >= 0.5:
            name = "distractor"
        elif others > 0.05:
            continue
        elif covered.sum() < 0.1 * area:
            name = "floor" if (mask & floor).sum() > (mask & table).sum() else "table"
        elif (covered > 0.7 * areas.clip(MIN_OBJECT_PIXELS)).sum() > 1 and covered.sum() > 0.6 * area:
            name = "several"
        elif covered[best] > 0.85 * area and iou < 0.55:
            name = "part"
        else:
            continue
        if taken[name] < _MAX_PROPOSED[name]:
            taken[name] += 1
            labelled.append((_background_label(name), mask))
    return labelled


def _object_label(scene: Scene, index: int) -> Label:
    obj = scene.objects[index]
    return COLOUR_NAMES.index(obj.colour), CATEGORY_NAMES.index(obj.category), -1


def _background_label(name: str) -> Label:
    return -1, -1, BACKGROUND_CLASSES.index(name)


def _distractor(rendering: Rendering, index: int) -> np.ndarray:
    assert rendering.distractors is not None, "the scene has no distractors"
    mask: np.ndarray = rendering.distractors == index + 1
    return mask


def _surfaces(rendering: Rendering) -> tuple[np.ndarray, np.ndarray]:
    """Return the visible parts of the table top and of the floor, bool [H, W] each."""
    height, width = rendering.depth.shape
    rows, columns = np.mgrid[:height, :width]
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(rendering.intrinsics).T
    world = (rays * rendering.depth[..., None]) @ rendering.camera_pose[:3, :3].T + rendering.camera_pose[:3, 3]
    free = rendering.instances == 0
    if rendering.distractors is not None:
        free &= rendering.distractors == 0
    return free & (np.abs(world[..., 2]) < 0.003), free & (world[..., 2] < -0.1)


def _random_ellipse(surface: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an ellipse, bool [H, W], centred on a random pixel of a surface."""
    drawn = np.zeros(surface.shape, np.uint8)
    pixels = np.argwhere(surface)
    if len(pixels):
        row, column = pixels[rng.integers(len(pixels))]
        axes = rng.integers(12, 90, 2)
        cv2.ellipse(drawn, (int(column), int(row)), axes.tolist(), float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return drawn.astype(bool)
