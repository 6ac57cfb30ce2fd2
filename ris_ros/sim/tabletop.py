"""Random scenes: objects that stand, lie, are stacked and contained, as they could on a real table.

Nothing floats and nothing reaches into another thing: heights come from the shapes, and no two footprints overlap but
those of things that are stacked.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.sim.poses import lean, project, rest_height, rotation, world_vertices
from ris_ros.sim.scene import Camera, Scene, SceneObject
from ris_ros.sim.shapes import CATEGORIES, COLOURS
from ris_ros.sim.splits import ALL_PAIRS, Pair

logger = logging.getLogger(__name__)

# Middles of objects, metres: half the width and the range of depth; and the least distance between footprints.
_AREA = (0.40, -0.26, 0.28)
_GAP = 0.008
# Of each object at least this share and so many pixels of 640 x 480 must be seen.
_VISIBLE_SHARE, _VISIBLE_PIXELS = 0.45, 600
_BORDER = 4
_TRIES = 8

_TABLES = ((0.78, 0.62, 0.45), (0.66, 0.48, 0.33), (0.52, 0.38, 0.27), (0.84, 0.76, 0.64), (0.62, 0.60, 0.57),
           (0.70, 0.74, 0.70), (0.44, 0.49, 0.54), (0.80, 0.80, 0.78))
_FLOORS = ((0.35, 0.36, 0.38), (0.50, 0.46, 0.42), (0.30, 0.33, 0.30), (0.55, 0.56, 0.58), (0.42, 0.36, 0.32))


class _NoRoomError(Exception):
    pass


def sample_scene(seed: int, *, count: int | None = None, exclude_pairs: Collection[Pair] = (),
                 only_pairs: Collection[Pair] | None = None) -> Scene:
    """The scene of a seed, 4 to 9 objects unless `count` says how many.

    Categories and colours repeat often, so that one word rarely tells an object from the others. Where the objects
    find no place, there are fewer of them, and a log line says so.

    Parameters
    ----------
    seed : the same seed and arguments give the same scene
    count : objects
    exclude_pairs : (colour, category) that must not appear
    only_pairs : (colour, category) that alone may appear; None for all

    Raises
    ------
    InputError
        When no combination of colour and category is left.

    """
    pairs = sorted((ALL_PAIRS if only_pairs is None else set(only_pairs)) - set(exclude_pairs))
    if not pairs or not set(pairs) <= ALL_PAIRS:
        raise InputError("exclude_pairs and only_pairs must leave some (colour, category) of splits.ALL_PAIRS")
    rng = np.random.default_rng((seed, 2303))
    wanted = count or int(rng.integers(4, 10))
    for fewer in range(wanted):
        for _ in range(_TRIES):
            try:
                scene = _sample(rng, wanted - fewer, pairs)
            except _NoRoomError:
                continue
            if fewer:
                logger.info("scene %d holds %d objects: %d found no place", seed, wanted - fewer, wanted)
            return scene
    raise InputError(f"the objects of scene {seed} find no place; leave more combinations of colour and category")


def _sample(rng: np.random.Generator, count: int, pairs: list[Pair]) -> Scene:
    scene = Scene((), camera=_camera(rng))
    for _ in range(count):
        scene = _with_another(scene, rng, pairs)
    if (_visibility(scene) < 1).any():
        raise _NoRoomError
    return replace(scene, **_surroundings(scene, rng))


def _camera(rng: np.random.Generator) -> Camera:
    def jitter(middle: tuple[float, float, float], reach: tuple[float, float, float]) -> tuple[float, float, float]:
        return tuple((np.array(middle) + rng.uniform(-1, 1, 3) * reach).tolist())
    default = Camera()
    return Camera(jitter(default.position, (0.14, 0.06, 0.09)), jitter(default.target, (0.03, 0.02, 0.01)),
                  default.fovy + float(rng.uniform(-2.5, 2.5)))


def _surroundings(scene: Scene, rng: np.random.Generator) -> dict:
    """Table, floor and light; the table unlike every object."""
    tables = np.clip(np.array(_TABLES) * rng.uniform(0.92, 1.06) + rng.uniform(-0.012, 0.012, 3), 0.05, 0.92)
    colours = np.array([COLOURS[thing.colour].rgb(thing.tint) for thing in scene.objects])
    contrast = np.linalg.norm(tables[:, None] - colours, axis=2).min(1)
    fit = np.flatnonzero(contrast >= min(0.3, contrast.max()))
    return {
        "table_rgb": tuple(tables[rng.choice(fit)].tolist()),
        "floor_rgb": tuple((np.array(_FLOORS[rng.integers(len(_FLOORS))]) * rng.uniform(0.85, 1.15)).tolist()),
        # From the viewer's side: towards the light, the shadow map's edge would show on the floor.
        "light_position": (float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-0.9, -0.45)),
                           float(rng.uniform(1.5, 2.0))),
        "light_intensity": float(rng.uniform(0.62, 0.9)),
        "wood": bool(rng.random() < 0.7),
    }


# --- one more object --------------------------------------------------------------------------------------------------

def _with_another(scene: Scene, rng: np.random.Generator, pairs: list[Pair]) -> Scene:
    """The scene with one object more, on the table, on another object or in one."""
    free = [i for i, thing in enumerate(scene.objects)
            if not thing.lying and all(other.support != i for other in scene.objects)
            and (CATEGORIES[thing.category].carries or CATEGORIES[thing.category].holds)]
    for attempt in range(30):
        if free and attempt < 8 and rng.random() < 0.4:
            support = int(rng.choice(free))
            shape = CATEGORIES[scene.objects[support].category]
            fitting = [pair for pair in pairs if pair[1] in shape.carries + shape.holds]
            if not fitting:
                continue
            thing = _thing(fitting, scene, rng)
            placed = _on(scene, support, thing, rng)
        else:
            support = None
            thing = _thing(pairs, scene, rng)
            if CATEGORIES[thing.category].lying_tilt is not None and rng.random() < 0.4:
                thing = replace(thing, lying=True)
            width, near, far = _AREA
            placed = replace(thing, position=(float(rng.uniform(-width, width)), float(rng.uniform(near, far)), 0.0))
        if placed is not None:
            larger = replace(scene, objects=(*scene.objects, placed))
            if _clear(larger):
                return larger
    raise _NoRoomError


def _thing(pairs: list[Pair], scene: Scene, rng: np.random.Generator) -> SceneObject:
    """An object of some kind, often of the category or the colour of one that is already there."""
    same = rng.random()
    if scene.objects and same < 0.6:
        model = scene.objects[rng.integers(len(scene.objects))]
        alike = [pair for pair in pairs if pair[1] == model.category] if same < 0.3 else \
                [pair for pair in pairs if pair[0] == model.colour]
        pairs = alike or pairs
    # A twin in both is wanted now and then, for "the left of the red cups", not always.
    new = [pair for pair in pairs if all(pair != (thing.colour, thing.category) for thing in scene.objects)]
    if new and rng.random() < 0.85:
        pairs = new
    colour, category = pairs[rng.integers(len(pairs))]
    return SceneObject(category, colour, (0.0, 0.0, 0.0), yaw=float(rng.uniform(-np.pi, np.pi)),
                       scale=float(rng.uniform(0.84, 1.24)), tint=tuple(rng.uniform(-1, 1, 3).tolist()))


def _on(scene: Scene, support: int, thing: SceneObject, rng: np.random.Generator) -> SceneObject | None:
    """The thing on or in a support; None where it does not fit."""
    under = scene.objects[support]
    shape, base = CATEGORIES[thing.category], np.array(under.position)
    below = CATEGORIES[under.category]
    if thing.category in below.holds:
        if shape.rod:
            angle, foot = lean(thing, under)
            if not np.radians(3) < angle < np.radians(40):
                return None
            offset = rotation("z", thing.yaw) @ foot
        else:
            vertices = shape.vertices * thing.scale
            if np.linalg.norm(vertices[:, :2], axis=1).max() > 0.85 * below.interior[-1, 0] * under.scale:
                return None
            offset = np.array([0, 0, rest_height(thing, under)])
        return replace(thing, position=tuple((base + offset).tolist()), support=support, inside=True)
    height, outline = below.top[0] * under.scale, below.top[1] * under.scale
    vertices = shape.vertices * thing.scale @ rotation("z", thing.yaw).T
    soles = vertices[vertices[:, 2] < 0.004, :2]
    # In the support's own axes, the surface is turned by nothing.
    soles = soles @ rotation("z", under.yaw)[:2, :2]
    room = np.array([outline.min(0) - soles.min(0), outline.max(0) - soles.max(0)])
    if (room[0] > room[1]).any():
        return None
    spot = rng.uniform(room[0], room[1]) * rng.uniform(0, 0.8)
    if below.footprint_radius > 1.2 * shape.footprint_radius and under.category == "plate":
        spot = np.zeros(2)
    if cv2.pointPolygonTest(outline.astype(np.float32), (0.0, 0.0), False) < 0 or not _within(outline, soles + spot):
        return None
    offset = np.array([*(rotation("z", under.yaw)[:2, :2] @ spot), height])
    return replace(thing, position=tuple((base + offset).tolist()), support=support)


def _within(outline: np.ndarray, points: np.ndarray) -> bool:
    """Whether a convex outline, counter-clockwise, holds every point."""
    edge = np.roll(outline, -1, axis=0) - outline
    ahead = points[:, None] - outline
    return bool((edge[:, 0] * ahead[..., 1] - edge[:, 1] * ahead[..., 0] >= -1e-9).all())


# --- whether it fits --------------------------------------------------------------------------------------------------

def footprint(scene: Scene, index: int) -> np.ndarray:
    """Convex outline, float32 [K, 2], metres, of an object seen from above."""
    return cv2.convexHull(world_vertices(scene, index)[:, :2].astype(np.float32))[:, 0]


def _clear(scene: Scene) -> bool:
    """Whether the last object is in the picture and apart from all but those below it."""
    last = len(scene.objects) - 1
    pixels = project(scene, world_vertices(scene, last))
    size = np.array([scene.camera.width, scene.camera.height])
    if (pixels < _BORDER).any() or (pixels > size - 1 - _BORDER).any():
        return False
    below, i = {last}, last
    while (i := scene.objects[i].support) is not None:
        below.add(i)
    outline = footprint(scene, last)
    return all(_apart(outline, footprint(scene, i)) for i in range(last) if i not in below)


def _apart(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether some line keeps two convex outlines [K, 2] at least the gap apart."""
    edges = np.concatenate([np.roll(a, -1, axis=0) - a, np.roll(b, -1, axis=0) - b])
    normals = np.column_stack([edges[:, 1], -edges[:, 0]]) / np.linalg.norm(edges, axis=1, keepdims=True)
    one, other = a @ normals.T, b @ normals.T
    return bool((np.maximum(one.min(0) - other.max(0), other.min(0) - one.max(0)) >= _GAP).any())


def _visibility(scene: Scene) -> np.ndarray:
    """Float [N]: how much of each object is seen, as a share of what must be; estimated from convex silhouettes."""
    eye = np.array(scene.camera.position)
    count = len(scene.objects)
    silhouettes = [cv2.convexHull(project(scene, world_vertices(scene, i)).astype(np.float32)) for i in range(count)]

    def order(i: int) -> tuple:
        # What rests on or in something is in front of it, whatever the distance.
        chain = [i]
        while (support := scene.objects[chain[0]].support) is not None:
            chain.insert(0, support)
        return (-np.linalg.norm(np.array(scene.objects[chain[0]].position)[:2] - eye[:2]), chain)
    canvas = np.zeros((scene.camera.height, scene.camera.width), np.uint8)
    for i in sorted(range(count), key=order):
        cv2.fillConvexPoly(canvas, silhouettes[i].astype(np.int32), i + 1)
    seen = np.bincount(canvas.ravel(), minlength=count + 1)[1:]
    whole = np.array([max(cv2.contourArea(silhouette), 1.0) for silhouette in silhouettes])
    return np.minimum(seen / whole / _VISIBLE_SHARE, seen / _VISIBLE_PIXELS)
