"""What the bundled model is trained on: masks of simulated scenes as the encoder sees them, and texts about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image

from ris_ros.encoding.pixels import IMAGENET_MEAN
from ris_ros.sim.poses import TABLE_HALF
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.shapes import CATEGORIES, COLOURS
from ris_ros.sim.splits import Pair
from ris_ros.sim.tabletop import sample_scene
from ris_ros.types import Proposals
from ris_ros.utils.masks import mask_box

CATEGORY_NAMES, COLOUR_NAMES = tuple(CATEGORIES), tuple(COLOURS)
# What a mask can be of that is no object; "several" is two objects in one mask, "part" less than a whole one.
NOTHINGS = ("table", "floor", "several", "part")
# Proposed masks taken of a scene, at the most, by what they are of.
_MOST_PROPOSED = {"table": 3, "floor": 2, "several": 4, "part": 12}


@dataclass(frozen=True, eq=False)
class Shots:
    """Masks of many scenes, N in all, of S scenes, ready for the model.

    Attributes
    ----------
    images : uint8 [S, size, size, 3], whole pictures, squashed
    scene : int64 [N], which picture a mask is of
    masks : uint8 [N, 2, grid, grid], soft masks on the patch grid, 255 is full: the true one and an imperfect one
    crops : uint8 [N, 2, size, size, 3], masked crops, likewise
    colour, category : int64 [N], index of the name; -1 for what is no object
    nothing : int64 [N], index in NOTHINGS; -1 for objects

    """

    images: np.ndarray
    scene: np.ndarray
    masks: np.ndarray
    crops: np.ndarray
    colour: np.ndarray
    category: np.ndarray
    nothing: np.ndarray

    @classmethod
    def joined(cls, parts: list[Shots]) -> Shots:
        """Several as one."""
        starts = np.cumsum([0] + [len(part.images) for part in parts[:-1]])
        columns = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)}
        columns["scene"] = np.concatenate([part.scene + start for part, start in zip(parts, starts, strict=True)])
        return cls(**columns)


def load_or_render(folder: Path, seeds: Iterable[int], size: int, grid: int, progress=lambda shards: shards,
                   proposer: Callable[[np.ndarray], Proposals] | None = None, **pairs: Collection[Pair]) -> Shots:
    """The shots of scenes, in shards of 50 that are kept in a folder, so that a second call reads what is there.

    Parameters
    ----------
    folder : where shards are kept
    seeds : of the scenes
    size, grid : pixels of the model's input, patches along it
    progress : wraps the shards, such as ``tqdm``
    proposer : its masks, as far as the scene says what they are of, are shots too; they stand in shards of their own
    pairs : handed to :func:`tabletop.sample_scene`

    """
    folder.mkdir(parents=True, exist_ok=True)
    seeds = list(seeds)
    parts = []
    with Renderer() as renderer:
        for start in progress(range(0, len(seeds), 50)):
            path = folder / f"{seeds[start]}-{size}-{grid}{'-proposed' if proposer else ''}.npz"
            if not path.is_file():
                part = Shots.joined([_shots(renderer, seed, size, grid, proposer, pairs)
                                     for seed in seeds[start:start + 50]])
                unfinished = path.with_suffix(".part.npz")
                np.savez(unfinished, **{field.name: getattr(part, field.name) for field in fields(part)})
                unfinished.rename(path)
            with np.load(path) as arrays:
                parts.append(Shots(**arrays))
    return Shots.joined(parts)


def _shots(renderer: Renderer, seed: int, size: int, grid: int, proposer: Callable[[np.ndarray], Proposals] | None,
           pairs: dict) -> Shots:
    scene = sample_scene(seed, **pairs)
    rendering = renderer.render(scene)
    rng = np.random.default_rng((seed, 17811))
    labelled = list(_labelled_masks(scene, rendering, rng))
    if proposer is not None:
        labelled += _proposed_masks(scene, rendering, proposer(rendering.image).masks, rng)
    labels, masks = zip(*labelled, strict=True)
    twice = [variant for mask in masks for variant in (mask, imperfect(mask, rendering, rng))]
    crops = np.stack([_crop(rendering.image, mask, size) for mask in twice])
    colour, category, nothing = np.array(labels, np.int64).T
    return Shots(
        images=_resized(rendering.image, size)[None], scene=np.zeros(len(masks), np.int64),
        masks=_soft(twice, grid).reshape(-1, 2, grid, grid), crops=crops.reshape(-1, 2, size, size, 3),
        colour=colour, category=category, nothing=nothing)


def _crop(image: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """As the encoder's `masked_crop`, but on bytes, which is several times quicker."""
    x1, y1, x2, y2 = mask_box(mask)
    mean = np.round(np.array(IMAGENET_MEAN) * 255).astype(np.uint8)
    return _resized(np.where(mask[y1:y2, x1:x2, None], image[y1:y2, x1:x2], mean), size)


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC))


def _soft(masks: list[np.ndarray], grid: int) -> np.ndarray:
    """As the encoder's `resize_masks`, uint8 [N, grid, grid], from masks that were made four times smaller first."""
    small = np.stack([cv2.resize(mask.astype(np.uint8) * 255, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
                      for mask in masks])
    cells = F.interpolate(torch.from_numpy(small)[:, None].float(), (grid, grid), mode="bilinear", antialias=True)
    return cells[:, 0].round().to(torch.uint8).numpy()


def _labelled_masks(scene: Scene, rendering: Rendering, rng: np.random.Generator
                    ) -> Iterator[tuple[tuple[int, int, int], np.ndarray]]:
    """(colour, category, nothing) and mask of every visible object and of some things that are none."""
    objects = []
    for index, thing in enumerate(scene.objects):
        mask = rendering.mask(index)
        if mask.sum() >= 100:
            objects.append(mask)
            yield (COLOUR_NAMES.index(thing.colour), CATEGORY_NAMES.index(thing.category), -1), mask
    table, floor = _surfaces(rendering)
    for name, surface in (("table", table), ("floor", floor)):
        patch = surface if rng.random() < 0.3 else surface & _blob(surface, rng)
        if patch.sum() >= 100:
            yield (-1, -1, NOTHINGS.index(name)), patch
    if len(objects) > 1:
        first = rng.integers(len(objects))
        middles = np.array([np.argwhere(mask).mean(0) for mask in objects])
        second = np.argsort(np.linalg.norm(middles - middles[first], axis=1))[1]
        yield (-1, -1, NOTHINGS.index("several")), objects[first] | objects[second]
    whole = objects[rng.integers(len(objects))]
    part = _cut(whole, rng.uniform(0.2, 0.5), rng)
    if part.sum() >= 60:
        yield (-1, -1, NOTHINGS.index("part")), part


def _proposed_masks(scene: Scene, rendering: Rendering, masks: np.ndarray, rng: np.random.Generator
                    ) -> list[tuple[tuple[int, int, int], np.ndarray]]:
    """(colour, category, nothing) and mask of those of a proposer's masks, bool [N, H, W], that are clear cases."""
    labelled, taken = [], dict.fromkeys(NOTHINGS, 0)
    count = len(scene.objects)
    areas = np.bincount(rendering.instances.ravel(), minlength=count + 1)[1:]
    table, floor = _surfaces(rendering)
    for mask in rng.permutation(masks):
        inside = np.bincount(rendering.instances[mask], minlength=count + 1)[1:]
        area, most = mask.sum(), int(inside.argmax())
        overlap = inside[most] / (area + areas[most] - inside[most])
        if overlap >= 0.75 and areas[most] >= 100:
            thing = scene.objects[most]
            labelled.append(((COLOUR_NAMES.index(thing.colour), CATEGORY_NAMES.index(thing.category), -1), mask))
            continue
        if inside.sum() < 0.1 * area:
            surfaces = {"table": (mask & table).sum(), "floor": (mask & floor).sum()}
            name = max(surfaces, key=surfaces.get)
        elif (inside > 0.7 * areas.clip(100)).sum() > 1 and inside.sum() > 0.6 * area:
            name = "several"
        elif inside[most] > 0.85 * area and overlap < 0.55:
            name = "part"
        else:
            continue
        if taken[name] < _MOST_PROPOSED[name]:
            taken[name] += 1
            labelled.append(((-1, -1, NOTHINGS.index(name)), mask))
    return labelled


def _surfaces(rendering: Rendering) -> tuple[np.ndarray, np.ndarray]:
    """Where the table's top and the floor are seen, bool [H, W] each."""
    height, width = rendering.depth.shape
    rows, columns = np.mgrid[:height, :width]
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(rendering.intrinsics).T
    world = (rays * rendering.depth[..., None]) @ rendering.camera_pose[:3, :3].T + rendering.camera_pose[:3, 3]
    free = rendering.instances == 0
    top = (np.abs(world[..., 2]) < 0.003) & (np.abs(world[..., :2]) <= TABLE_HALF).all(-1)
    return free & top, free & (world[..., 2] < -0.1)


def _blob(surface: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An ellipse somewhere on a surface."""
    drawn = np.zeros(surface.shape, np.uint8)
    spots = np.argwhere(surface)
    if len(spots):
        row, column = spots[rng.integers(len(spots))]
        axes = rng.integers(12, 90, 2)
        cv2.ellipse(drawn, (int(column), int(row)), axes.tolist(), float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return drawn.astype(bool)


def _cut(mask: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A share of a mask, on one side of a line."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.indices(mask.shape)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    return mask & (along <= np.quantile(along[mask], share))


def imperfect(mask: np.ndarray, rendering: Rendering, rng: np.random.Generator) -> np.ndarray:
    """A mask as a segmentation model might give it.

    A little large or small, with an uneven edge, a bite out of it or a bit of a neighbour in it.

    Parameters
    ----------
    mask : bool [H, W]
    rendering : that the mask is of
    rng : chooses the faults

    """
    faulty = mask.astype(np.uint8)
    radius = int(rng.integers(1, 4))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    kind = rng.integers(5)
    if kind in (0, 3):
        faulty = cv2.dilate(faulty, kernel)
    elif kind in (1, 4):
        faulty = cv2.erode(faulty, kernel)
    if kind in (2, 3, 4):               # An uneven edge, as of a mask made at a quarter of the picture's size.
        noise = cv2.GaussianBlur(rng.standard_normal(mask.shape, np.float32), (0, 0), 3)
        soft = cv2.GaussianBlur(faulty.astype(np.float32), (0, 0), 3)
        faulty = ((soft > 0.05) & (soft + 1.2 * noise > 0.5)).astype(np.uint8)
    faulty = faulty.astype(bool)
    if rng.random() < 0.25:
        faulty &= ~_cut(mask, rng.uniform(0.03, 0.15), rng)
    if rng.random() < 0.25:
        near = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
        neighbours = np.setdiff1d(rendering.instances[near & ~mask], [0])
        if len(neighbours):
            piece = rendering.instances == rng.choice(neighbours)
            share = min(1.0, 0.12 * mask.sum() / piece.sum())
            distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
            faulty |= piece & (distance <= np.quantile(distance[piece], share))
    return faulty if faulty.sum() >= 0.5 * mask.sum() else mask


# --- texts ------------------------------------------------------------------------------------------------------------

_PLACES = ("on the left", "on the right", "in the middle", "at the front", "at the back", "in the corner", "at the top",
           "at the bottom", "to the left", "to the right", "on the table", "in the upper left", "in the lower right")
_RELATIONS = ("left of", "right of", "behind", "in front of", "next to", "near", "on", "in", "under", "above", "below",
              "beside", "on top of", "inside", "closest to", "to the left of", "to the right of")
_RANKS = ("leftmost", "rightmost", "largest", "smallest", "biggest", "tallest", "shortest", "nearest", "closest",
          "farthest", "first", "second", "third", "middle", "other", "left", "right", "front", "back")
_SENTENCES = (
    "{np}", "the {np}", "a {np}", "this {np}", "that {np}", "the only {np}", "just the {np}",
    "the {np} {place}", "the {np} that is {place}", "{np} {place}", "{place} the {np}",
    "the {rank} {np}", "{rank} {np}", "the {np} that is {rank}", "the {rank} {np} from the left",
    "the {rank} {np} from the right", "the {np} farthest from the camera", "the {np} closest to us",
    "the {np} {relation} the {landmark}", "the {np} that is {relation} the {landmark}",
    "the {np} which is {relation} the {landmark}", "{np} {relation} {landmark}", "{np} {relation} the {landmark}",
    "the {np} between the {landmark} and the {other}", "the {np} that is not {relation} the {landmark}",
    "the {np} that is not {place}", "the two {np}s", "both {np}s", "all the {np}s", "all {np}s",
    "pick up the {np}", "give me the {np} {place}", "take the {np} {relation} the {landmark} please",
    "robot bring me the {rank} {np}", "could you grab the {np} {place}",
)
_THINGS = ("object", "thing", "one")


def noun_phrase(colour: int, category: int, form: int, rng: np.random.Generator) -> str:
    """A name by colour and category (form 0), category (1) or colour (2)."""
    if form == 0:
        return f"{COLOUR_NAMES[colour]} {CATEGORY_NAMES[category]}"
    return CATEGORY_NAMES[category] if form == 1 else f"{COLOUR_NAMES[colour]} {_THINGS[rng.integers(len(_THINGS))]}"


def article(phrase: str, rng: np.random.Generator) -> str:
    """A noun phrase with or without an article before it."""
    return ("", "the ", "the ", "a ", "this ", "that ")[rng.integers(6)] + phrase


def sentence(phrase: str, landmarks: tuple[str, str], rng: np.random.Generator) -> str:
    """A referring expression, true or not, whose target is `phrase`.

    Only the target counts in training: what else a sentence speaks of must not lead the model to it.
    """
    def one(words: tuple[str, ...]) -> str:
        return words[rng.integers(len(words))]
    text = one(_SENTENCES).format(np=phrase, place=one(_PLACES), rank=one(_RANKS), relation=one(_RELATIONS),
                                  landmark=landmarks[0], other=landmarks[1])
    colour, _, name = phrase.partition(" ")
    if name and rng.random() < 0.15:
        text = text.replace(phrase, f"{name} {one(('that is', 'which is', 'thats'))} {colour}", 1)
    return text
