"""Random scenes of objects that stand, lie, are stacked or contained, in physically plausible poses.

No object floats or penetrates another: heights come from the shapes, and the footprints of two objects overlap only if
one rests on the other.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Any, TypedDict

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.sim.poses import lean, project, rest_height, rotation, world_vertices
from ris_ros.sim.scene import Camera, Look, Scene, SceneObject, supports
from ris_ros.sim.shapes import ALL_PAIRS, COLOURS, Pair
from ris_ros.sim.styles import PLAIN, Style, draw_camera, draw_look, find_style, style_generator
from ris_ros.sim.variants import DISTRACTORS, catalogue

logger = logging.getLogger(__name__)

_AREA_HALF_WIDTH = 0.40
"""Maximum distance of an object's centre from the table's centre along x, metres."""
_AREA_DEPTH = (-0.26, 0.28)
"""Range of objects' centres along y, metres."""
_MIN_GAP = 0.008
"""Distance between two footprints, metres."""
_MIN_VISIBLE_SHARE, _MIN_VISIBLE_PIXELS = 0.45, 600
"""Share of an object's silhouette, and pixels of 640 x 480, that must be visible."""
_BORDER = 4
"""Pixels between an object and the edge of the image."""
_ATTEMPTS = 8
"""Scenes sampled before the number of objects is reduced by one."""

_TABLE_COLOURS = (
    (0.78, 0.62, 0.45), (0.66, 0.48, 0.33), (0.52, 0.38, 0.27), (0.84, 0.76, 0.64), (0.62, 0.60, 0.57),
    (0.70, 0.74, 0.70), (0.44, 0.49, 0.54), (0.80, 0.80, 0.78))
_FLOOR_COLOURS = (
    (0.35, 0.36, 0.38), (0.50, 0.46, 0.42), (0.30, 0.33, 0.30), (0.55, 0.56, 0.58), (0.42, 0.36, 0.32))


class PairFilter(TypedDict, total=False):
    """The pairs of colour and category that a scene may contain, as keyword arguments of :func:`sample_scene`."""

    exclude_pairs: Collection[Pair]
    only_pairs: Collection[Pair] | None


class _NoRoomError(Exception):
    """The objects do not fit on the table."""


def sample_scene(seed: int, *, count: int | None = None, exclude_pairs: Collection[Pair] = (),
                 only_pairs: Collection[Pair] | None = None, style: str = PLAIN) -> Scene:
    """Sample the scene of a seed.

    Categories and colours repeat often, so that a single word rarely identifies an object. If the objects do not fit on
    the table, the scene has fewer of them, which is logged.

    Parameters
    ----------
    seed : the same seed and arguments give the same scene
    count : number of objects; None for 4 to 9
    exclude_pairs : (colour, category) that must not appear
    only_pairs : the only (colour, category) that may appear; None for all
    style : name of the style, as of :data:`styles.STYLES`

    Raises
    ------
    InputError
        If no pair of colour and category is left, not even one object fits, or there is no such style.

    """
    pairs = sorted((ALL_PAIRS if only_pairs is None else set(only_pairs)) - set(exclude_pairs))
    if not pairs or not set(pairs) <= ALL_PAIRS:
        raise InputError("exclude_pairs and only_pairs must leave some (colour, category) of shapes.ALL_PAIRS")
    rng, drawn = np.random.default_rng((seed, 2303)), find_style(style)
    style_rng = style_generator(drawn, seed)
    look = draw_look(drawn, style_rng)
    wanted = count or int(rng.integers(4, 10))
    for missing in range(wanted):
        for _ in range(_ATTEMPTS):
            try:
                scene = _sample(rng, wanted - missing, pairs, drawn, look, style_rng)
            except _NoRoomError:
                continue
            if missing:
                logger.info("scene %d has %d objects: %d did not fit", seed, wanted - missing, wanted)
            return scene
    raise InputError(f"the objects of scene {seed} do not fit on the table; allow more pairs of colour and category")


def _sample(rng: np.random.Generator, count: int, pairs: list[Pair], style: Style, look: Look,
            style_rng: np.random.Generator) -> Scene:
    scene = Scene((), camera=draw_camera(style, _camera(rng), style_rng), look=look)
    for _ in range(count):
        scene = _add_object(scene, rng, pairs)
    if (_visibility(scene) < 1).any():
        raise _NoRoomError
    scene = replace(scene, **_surroundings(scene, rng, style))
    return _with_distractors(scene, style, style_rng)


def _camera(rng: np.random.Generator) -> Camera:
    def jitter(centre: tuple[float, float, float], reach: tuple[float, float, float]) -> tuple[float, float, float]:
        x, y, z = (np.array(centre) + rng.uniform(-1, 1, 3) * reach).tolist()
        return x, y, z

    default = Camera()
    return Camera(jitter(default.position, (0.14, 0.06, 0.09)), jitter(default.target, (0.03, 0.02, 0.01)),
                  default.fovy + float(rng.uniform(-2.5, 2.5)))


def _surroundings(scene: Scene, rng: np.random.Generator, style: Style) -> dict[str, Any]:
    """Choose table, floor and light, as fields of :class:`Scene`; the table contrasts with every object."""
    palette, floors = (_TABLE_COLOURS, _FLOOR_COLOURS) if style.name == PLAIN else (style.tables, style.floors)
    tables = np.clip(np.array(palette) * rng.uniform(0.92, 1.06) + rng.uniform(-0.012, 0.012, 3), 0.05, 0.92)
    colours = np.array([COLOURS[obj.colour].rgb(obj.tint) for obj in scene.objects])
    contrast = np.linalg.norm(tables[:, None] - colours, axis=2).min(1)
    suitable = np.flatnonzero(contrast >= min(0.3, contrast.max()))
    return {
        "table_rgb": tuple(tables[rng.choice(suitable)].tolist()),
        "floor_rgb": tuple((np.array(floors[rng.integers(len(floors))])
                            * rng.uniform(0.85, 1.15)).tolist()),
        # The light is on the viewer's side: on the other side the shadow map's edge would be visible on the floor.
        "light_position": (float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-0.9, -0.45)),
                           float(rng.uniform(1.5, 2.0))),
        "light_intensity": float(rng.uniform(0.62, 0.9)),
        "wood": bool(rng.random() < 0.7),
    }


# --- adding an object -------------------------------------------------------------------------------------------------

def _add_object(scene: Scene, rng: np.random.Generator, pairs: list[Pair]) -> Scene:
    """Return the scene with one more object, which is on the table, on another object or in one."""
    free = [i for i, obj in enumerate(scene.objects)
            if not obj.lying and all(other.support != i for other in scene.objects)
            and (obj.shape.carries or obj.shape.holds)]
    for attempt in range(30):
        placed: SceneObject | None
        if free and attempt < 8 and rng.random() < 0.4:
            support = int(rng.choice(free))
            shape = scene.objects[support].shape
            fitting = [pair for pair in pairs if pair[1] in shape.carries + shape.holds]
            if not fitting:
                continue
            placed = _place_on(scene, support, _random_object(fitting, scene, rng), rng)
        else:
            obj = _random_object(pairs, scene, rng)
            if obj.shape.lying_tilt is not None and rng.random() < 0.4:
                obj = replace(obj, lying=True)
            placed = replace(obj, position=(float(rng.uniform(-_AREA_HALF_WIDTH, _AREA_HALF_WIDTH)),
                                            float(rng.uniform(*_AREA_DEPTH)), 0.0))
        if placed is not None:
            larger = replace(scene, objects=(*scene.objects, placed))
            if _last_is_clear(larger):
                return larger
    raise _NoRoomError


def _random_object(pairs: list[Pair], scene: Scene, rng: np.random.Generator) -> SceneObject:
    """Sample an object, often of the category or the colour of one that is already there."""
    draw = rng.random()
    if scene.objects and draw < 0.6:
        model = scene.objects[rng.integers(len(scene.objects))]
        similar = [pair for pair in pairs if pair[1] == model.category] if draw < 0.3 else \
                  [pair for pair in pairs if pair[0] == model.colour]
        pairs = similar or pairs
    # Two objects of the same colour and category ("the left one of the red cups") should occur sometimes, not always.
    new = [pair for pair in pairs if all(pair != (obj.colour, obj.category) for obj in scene.objects)]
    if new and rng.random() < 0.85:
        pairs = new
    colour, category = pairs[rng.integers(len(pairs))]
    yaw, scale = float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(0.84, 1.24))
    hue, saturation, value = (scene.look.tint_spread * rng.uniform(-1, 1, 3)).tolist()
    return SceneObject(category, colour, (0.0, 0.0, 0.0), yaw=yaw, scale=scale, tint=(hue, saturation, value),
                       catalogue=scene.look.catalogues.get(category, PLAIN))


def _place_on(scene: Scene, support: int, obj: SceneObject, rng: np.random.Generator) -> SceneObject | None:
    """Return the object placed on or in a support; None if it does not fit."""
    under = scene.objects[support]
    shape, base = obj.shape, np.array(under.position)
    below = under.shape
    if obj.category in below.holds:
        if shape.rod:
            angle, foot = lean(obj, under)
            if not np.radians(3) < angle < np.radians(40):
                return None
            offset = rotation("z", obj.yaw) @ foot
        else:
            assert below.interior is not None, f"a {under.category} holds nothing"
            vertices = shape.vertices * obj.scale
            if np.linalg.norm(vertices[:, :2], axis=1).max() > 0.85 * below.interior[-1, 0] * under.scale:
                return None
            offset = np.array([0, 0, rest_height(obj, under)])
        return replace(obj, position=tuple((base + offset).tolist()), support=support, inside=True)
    assert below.top is not None, f"a {under.category} carries nothing"
    height, outline = below.top[0] * under.scale, below.top[1] * under.scale
    vertices = shape.vertices * obj.scale @ rotation("z", obj.yaw).T
    soles = vertices[vertices[:, 2] < 0.004, :2]
    # In the support's own axes, in which its surface is given.
    soles = soles @ rotation("z", under.yaw)[:2, :2]
    room = np.array([outline.min(0) - soles.min(0), outline.max(0) - soles.max(0)])
    if (room[0] > room[1]).any():
        return None
    shift = rng.uniform(room[0], room[1]) * rng.uniform(0, 0.8)
    if below.footprint_radius > 1.2 * shape.footprint_radius and under.category == "plate":
        shift = np.zeros(2)
    if cv2.pointPolygonTest(outline.astype(np.float32), (0.0, 0.0), False) < 0 or not _within(outline, soles + shift):
        return None
    offset = np.array([*(rotation("z", under.yaw)[:2, :2] @ shift), height])
    return replace(obj, position=tuple((base + offset).tolist()), support=support)


def _within(outline: np.ndarray, points: np.ndarray) -> bool:
    """Return whether a convex outline [K, 2], counter-clockwise, contains every point."""
    edge = np.roll(outline, -1, axis=0) - outline
    ahead = points[:, None] - outline
    return bool((edge[:, 0] * ahead[..., 1] - edge[:, 1] * ahead[..., 0] >= -1e-9).all())


def _with_distractors(scene: Scene, style: Style, rng: np.random.Generator) -> Scene:
    """Return the scene with things of no category, which hide no object and prefer colours that no object has."""
    wanted = int(rng.integers(style.distractors[0], style.distractors[1] + 1))
    free = sorted(set(COLOURS) - {obj.colour for obj in scene.objects}) or sorted(COLOURS)
    kinds = sorted(catalogue(DISTRACTORS))
    count, drawn = len(scene.objects), scene
    for _ in range(8 * wanted):
        if len(drawn.objects) == count + wanted:
            break
        hue, saturation, value = rng.uniform(-1, 1, 3).tolist()
        thing = SceneObject(
            kinds[rng.integers(len(kinds))], free[rng.integers(len(free))],
            (float(rng.uniform(-_AREA_HALF_WIDTH, _AREA_HALF_WIDTH)), float(rng.uniform(*_AREA_DEPTH)), 0.0),
            yaw=float(rng.uniform(-np.pi, np.pi)), scale=float(rng.uniform(0.8, 1.3)), tint=(hue, saturation, value),
            catalogue=DISTRACTORS)
        more = replace(drawn, objects=(*drawn.objects, thing))
        if _last_is_clear(more) and (_visibility(more) >= 1).all():
            drawn = more
    return replace(scene, distractors=drawn.objects[count:])


# --- checks -----------------------------------------------------------------------------------------------------------

def footprint(scene: Scene, index: int) -> np.ndarray:
    """Return the convex outline, float32 [K, 2], metres, of an object seen from above."""
    return cv2.convexHull(world_vertices(scene, index)[:, :2].astype(np.float32))[:, 0]


def _last_is_clear(scene: Scene) -> bool:
    """Return whether the last object is in the image and apart from all others, except those below it."""
    last = len(scene.objects) - 1
    pixels = project(scene, world_vertices(scene, last))
    size = np.array([scene.camera.width, scene.camera.height])
    if (pixels < _BORDER).any() or (pixels > size - 1 - _BORDER).any():
        return False
    below = supports(scene.objects, last)
    outline = footprint(scene, last)
    return all(_are_apart(outline, footprint(scene, i)) for i in range(last) if i not in below)


def _are_apart(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two convex outlines [K, 2] are at least _MIN_GAP apart, by the separating axis theorem."""
    edges = np.concatenate([np.roll(a, -1, axis=0) - a, np.roll(b, -1, axis=0) - b])
    normals = np.column_stack([edges[:, 1], -edges[:, 0]]) / np.linalg.norm(edges, axis=1, keepdims=True)
    one, other = a @ normals.T, b @ normals.T
    return bool((np.maximum(one.min(0) - other.max(0), other.min(0) - one.max(0)) >= _MIN_GAP).any())


def _visibility(scene: Scene) -> np.ndarray:
    """Estimate how much of each object is visible, float [N], as a share of the required minimum.

    The estimate paints convex silhouettes from far to near.
    """
    eye = np.array(scene.camera.position)
    count = len(scene.objects)
    silhouettes = [cv2.convexHull(project(scene, world_vertices(scene, i)).astype(np.float32)) for i in range(count)]

    def nearness(i: int) -> tuple[float, list[int]]:
        # An object that rests on or in another is painted after it, at any distance.
        chain = [*reversed(supports(scene.objects, i)), i]
        return -float(np.linalg.norm(np.array(scene.objects[chain[0]].position)[:2] - eye[:2])), chain

    canvas = np.zeros((scene.camera.height, scene.camera.width), np.uint8)
    for i in sorted(range(count), key=nearness):
        cv2.fillConvexPoly(canvas, silhouettes[i].astype(np.int32), i + 1)
    visible = np.bincount(canvas.ravel(), minlength=count + 1)[1:]
    whole = np.array([max(cv2.contourArea(silhouette), 1.0) for silhouette in silhouettes])
    visibility: np.ndarray = np.minimum(visible / whole / _MIN_VISIBLE_SHARE, visible / _MIN_VISIBLE_PIXELS)
    return visibility
