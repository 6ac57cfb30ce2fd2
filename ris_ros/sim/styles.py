"""Styles of the simulated tabletop: the same scenes drawn by other hands.

A style is a row of data: what it draws from when it draws a scene. Categories, colours and expressions are the same in
all styles. The styles are divided into those that the bundled model is trained on, those that its calibration is
fitted on, and those that only test it. The last differ in kind: their shapes, textures and shading are in no other.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ris_ros.errors import InputError
from ris_ros.sim.scene import Camera, Effects, Light, Look, Triple
from ris_ros.sim.shapes import CATEGORIES

_T = TypeVar("_T")
Range = tuple[float, float]
"""Lowest and highest value; drawn uniformly between them."""

_WOODS: tuple[Triple, ...] = ((0.78, 0.62, 0.45), (0.60, 0.44, 0.30), (0.46, 0.33, 0.24), (0.86, 0.76, 0.60))
_PALE: tuple[Triple, ...] = ((0.82, 0.82, 0.80), (0.74, 0.77, 0.80), (0.86, 0.82, 0.76), (0.66, 0.68, 0.68))
_DARK: tuple[Triple, ...] = ((0.24, 0.25, 0.27), (0.30, 0.26, 0.23), (0.20, 0.24, 0.28), (0.34, 0.34, 0.33))
_TINTED: tuple[Triple, ...] = (
    (0.55, 0.66, 0.60), (0.52, 0.60, 0.70), (0.72, 0.60, 0.58), (0.62, 0.58, 0.70), (0.72, 0.70, 0.52),
    (0.40, 0.52, 0.52))
_GREYS: tuple[Triple, ...] = ((0.35, 0.36, 0.38), (0.50, 0.46, 0.42), (0.55, 0.56, 0.58), (0.42, 0.36, 0.32))
_GREENS: tuple[Triple, ...] = ((0.34, 0.44, 0.26), (0.42, 0.48, 0.30))
_WHITE: tuple[Triple, ...] = ((1.0, 1.0, 1.0),)
_LAMPS: tuple[Triple, ...] = ((1.0, 0.96, 0.90), (1.0, 0.91, 0.80), (0.92, 0.96, 1.0))


@dataclass(frozen=True)
class Style:
    """What a style draws scenes from.

    Attributes
    ----------
    name : of the style
    split : train, validation or test: what the style may be used for
    catalogues : of the objects' shapes; one is drawn for each category of a scene
    tint_spread : factor on how far colours deviate from their names' centres
    tables, floors, walls : colours
    table_textures, floor_textures, wall_textures : names in `textures.TEXTURES`; "" for none (no wall)
    object_textures : the same; each object of a scene gets one
    wall_distance : metres behind the table's centre
    table_size : factor on the extents of the table top; up to 2.5 fills the image
    round_table : whether the table top is round
    specular, shininess : of the objects, 0..1
    ambient, headlight : light from everywhere, and from the camera
    lights : number of lights
    light_intensity : of all lights together
    light_azimuth, light_elevation : degrees; azimuth 0 is the viewer's side, positive to the right
    light_colours : one is drawn for each light
    soft : whether each light is split into three with softer shadows
    shadows : share of the lights that cast shadows
    distractors : number of things of no category
    orbit, elevation, fovy : degrees, added to those of the plain camera
    distance : factor on the plain camera's distance
    exposure, gamma, saturation, vignette, blur, focus_blur, noise, jpeg, occlusion, outline : as in `scene.Effects`
    balance : largest deviation of the white balance's gains from 1
    levels : one of them is drawn, as in `scene.Effects`

    """

    name: str
    split: str
    catalogues: tuple[str, ...] = ("plain",)
    tint_spread: Range = (1.0, 1.0)
    tables: tuple[Triple, ...] = _WOODS
    floors: tuple[Triple, ...] = _GREYS
    walls: tuple[Triple, ...] = _PALE
    table_textures: tuple[str, ...] = ("", "wood")
    floor_textures: tuple[str, ...] = ("tile",)
    wall_textures: tuple[str, ...] = ("",)
    object_textures: tuple[str, ...] = ("",)
    wall_distance: Range = (1.2, 3.0)
    table_size: Range = (1.0, 1.0)
    round_table: bool = False
    specular: Range = (0.1, 0.4)
    shininess: Range = (0.2, 0.6)
    ambient: Range = (0.35, 0.45)
    headlight: Range = (0.10, 0.25)
    lights: tuple[int, int] = (1, 1)
    light_intensity: Range = (0.6, 0.85)
    light_azimuth: Range = (-50, 50)
    light_elevation: Range = (50, 75)
    light_colours: tuple[Triple, ...] = _WHITE
    soft: bool = False
    shadows: float = 1.0
    distractors: tuple[int, int] = (0, 0)
    orbit: Range = (-12, 12)
    elevation: Range = (-4, 8)
    distance: Range = (0.95, 1.15)
    fovy: Range = (-3, 3)
    exposure: Range = (0.95, 1.05)
    balance: float = 0.02
    gamma: Range = (1.0, 1.0)
    saturation: Range = (1.0, 1.0)
    vignette: Range = (0.0, 0.0)
    blur: Range = (0.0, 0.0)
    focus_blur: Range = (0.0, 0.0)
    noise: Range = (0.0, 0.0)
    jpeg: tuple[int, int] = (0, 0)
    occlusion: Range = (0.0, 0.0)
    outline: Range = (0.0, 0.0)
    levels: tuple[int, ...] = (0,)


PLAIN = "plain"
"""The style of all scenes unless another is named; it draws nothing, so that its scenes are those of the seed alone."""

_ALL_TRAINING = ("plain", "plain tall", "plain wide", "rounded", "rounded tall", "rounded wide", "faceted",
                 "faceted tall", "faceted wide", "slim", "slim tall", "slim wide")

STYLES: dict[str, Style] = {style.name: style for style in (
    Style(PLAIN, "train"),
    Style("studio", "train", ("rounded", "plain wide", "slim"), (0.6, 1.4), _PALE, _PALE, _PALE, ("",), ("",), ("", ""),
          specular=(0.4, 0.8), shininess=(0.5, 0.9), ambient=(0.34, 0.46), lights=(2, 3), light_intensity=(0.4, 0.6),
          light_azimuth=(-90, 90), soft=True, table_size=(1.2, 2.5), occlusion=(0.0, 0.5), jpeg=(80, 98)),
    Style("workshop", "train", ("faceted", "slim", "plain tall"), (0.8, 1.8), _DARK + _WOODS, _DARK, _DARK,
          ("planks", "speckle", "brushed"), ("speckle", "tile"), ("", "planks"), ("", "", "mottled"),
          specular=(0.0, 0.3), ambient=(0.25, 0.40), lights=(1, 2), light_colours=_LAMPS, light_intensity=(0.6, 0.9),
          distractors=(0, 3), noise=(1, 5), exposure=(0.85, 1.1), balance=0.05, vignette=(0, 0.3)),
    Style("picnic", "train", ("rounded wide", "plain", "faceted"), (0.8, 1.6), _PALE + _TINTED, _GREENS, _GREENS,
          ("checks", "weave", "stripes"), ("clouds", "speckle"), ("", "clouds"), specular=(0.0, 0.2),
          ambient=(0.30, 0.40), headlight=(0.0, 0.1), light_intensity=(0.75, 1.0), light_azimuth=(-130, 130),
          light_elevation=(35, 65), light_colours=((1.0, 0.97, 0.90),), distractors=(0, 3), orbit=(-30, 30),
          jpeg=(60, 95)),
    Style("webcam", "train", ("plain", "rounded tall", "slim wide"), (1.0, 1.8), _WOODS + _PALE + _DARK, _GREYS, _PALE,
          ("", "wood", "weave"), ("tile", "clouds"), ("", "stripes"), fovy=(4, 12), distance=(0.72, 0.95),
          exposure=(0.75, 1.15), balance=0.08, gamma=(0.85, 1.2), saturation=(0.75, 1.1), vignette=(0.1, 0.5),
          blur=(0.6, 1.8), noise=(3, 10), jpeg=(25, 70), light_colours=_LAMPS, distractors=(0, 2)),
    Style("toybox", "train", ("faceted wide", "faceted", "plain wide"), (0.6, 1.2), _TINTED + _PALE, _TINTED, _TINTED,
          ("", "stripes", "checks"), ("", "checks"), ("", "", "stripes"), specular=(0.0, 0.05), ambient=(0.65, 0.85),
          headlight=(0.0, 0.1), light_intensity=(0.15, 0.4), shadows=0.5, saturation=(1.0, 1.15), elevation=(-8, 14),
          distractors=(0, 4)),
    Style("evening", "train", ("slim tall", "rounded", "plain"), (0.8, 1.5), _WOODS + _TINTED, _DARK, _DARK,
          ("wood", "planks", "clouds"), ("planks", "clouds"), ("", "clouds"), ("", "", "bands"), specular=(0.2, 0.7),
          ambient=(0.20, 0.32), headlight=(0.05, 0.2), lights=(1, 3), light_intensity=(0.6, 0.9),
          light_azimuth=(-160, 160), light_elevation=(30, 70), light_colours=_LAMPS, exposure=(0.85, 1.15),
          balance=0.05, noise=(2, 8), vignette=(0.1, 0.5), focus_blur=(0.0, 2.0), elevation=(-8, 4),
          distance=(0.85, 1.1)),
    Style("medley", "train", _ALL_TRAINING, (0.6, 2.0), _WOODS + _PALE + _DARK + _TINTED,
          _GREYS + _DARK + _TINTED + _GREENS, _PALE + _DARK + _TINTED,
          ("", "wood", "planks", "checks", "weave", "stripes", "clouds", "speckle", "brushed"),
          ("", "tile", "planks", "checks", "clouds", "speckle", "weave"), ("", "", "clouds", "stripes", "planks"),
          ("", "", "", "mottled", "bands", "weave", "speckle"), table_size=(0.95, 2.5), specular=(0.0, 0.9),
          shininess=(0.1, 0.9), ambient=(0.20, 0.75), headlight=(0.0, 0.3), lights=(1, 3), light_intensity=(0.3, 0.9),
          light_azimuth=(-170, 170), light_elevation=(30, 85), light_colours=_LAMPS + _WHITE, shadows=0.8,
          distractors=(0, 4), orbit=(-40, 40), elevation=(-10, 25), distance=(0.75, 1.2), fovy=(-6, 10),
          exposure=(0.8, 1.15), balance=0.06, gamma=(0.85, 1.2), saturation=(0.8, 1.2), vignette=(0, 0.4),
          blur=(0.0, 1.3), focus_blur=(0.0, 1.5), noise=(0, 8), jpeg=(30, 98), occlusion=(0, 0.6)),

    Style("office", "validation", ("office", "office wide"), (0.8, 1.6), _PALE + _TINTED, _DARK + _GREYS, _PALE,
          ("", "weave", "speckle"), ("weave", "tile"), ("stripes", ""), specular=(0.1, 0.5), lights=(2, 3),
          light_colours=((0.94, 0.97, 1.0),), light_azimuth=(-150, 150), light_intensity=(0.5, 0.8),
          table_size=(1.1, 1.8), distractors=(0, 3), noise=(1, 4), jpeg=(60, 95), balance=0.03, orbit=(-20, 20),
          occlusion=(0.2, 0.5)),
    Style("gallery", "validation", ("office tall", "office"), (0.8, 1.5), _DARK + _WOODS, _PALE, _TINTED,
          ("brushed", "clouds", "wood"), ("planks",), ("clouds", "brick"), ("", "bands", "mottled"),
          specular=(0.3, 0.9), ambient=(0.5, 0.75), light_intensity=(0.3, 0.5), soft=True, distractors=(1, 3),
          elevation=(-6, 18), exposure=(0.85, 1.1), vignette=(0.0, 0.3), focus_blur=(0.0, 1.2)),

    Style("cartoon", "test", ("craft", "craft tall"), (0.5, 1.2), _TINTED + _PALE, _TINTED, _PALE, ("", "dots"),
          ("dots", ""), ("brick", ""), specular=(0.0, 0.0), ambient=(0.55, 0.70), headlight=(0.0, 0.05),
          light_intensity=(0.4, 0.5),
          levels=(4, 5, 6), outline=(0.6, 0.95), distractors=(1, 3), saturation=(1.0, 1.2), orbit=(-25, 25)),
    Style("photograph", "test", ("antique", "antique wide"), (1.0, 1.6), _WOODS + _PALE, _GREYS + _DARK, _TINTED,
          ("marble", "parquet"), ("parquet", "marble"), ("brick", "marble"), ("", "glaze", "grain"),
          specular=(0.3, 0.9), shininess=(0.4, 0.9), ambient=(0.32, 0.42), lights=(2, 3), light_intensity=(0.6, 0.85),
          light_azimuth=(-120, 120), light_colours=_LAMPS, soft=True, table_size=(1.3, 2.5), distractors=(1, 3),
          exposure=(0.95, 1.15), balance=0.05, gamma=(0.9, 1.1), vignette=(0.1, 0.4), focus_blur=(0.5, 1.8),
          noise=(2, 6), jpeg=(50, 90), occlusion=(0.4, 0.8)),
    Style("overhead", "test", ("craft wide", "antique tall"), (0.8, 1.6), _DARK + _WOODS + _TINTED, _PALE + _DARK,
          _PALE, ("brushed", "dots", "parquet"), ("brick", "dots"), object_textures=("", "grain"), round_table=True,
          table_size=(1.05, 1.3), ambient=(0.30, 0.45), lights=(1, 2), light_azimuth=(-170, 170),
          light_elevation=(35, 60), light_colours=_LAMPS, elevation=(14, 30), orbit=(-45, 45), distance=(1.0, 1.15),
          exposure=(0.8, 1.1), noise=(1, 5), jpeg=(60, 95), distractors=(0, 2)),
)}
"""Name -> style. The division into train, validation and test was fixed before the bundled model was trained."""


def styles_of(split: str) -> list[str]:
    """Return the names of the styles of a split: train, validation or test."""
    return [style.name for style in STYLES.values() if style.split == split]


def find_style(name: str) -> Style:
    """Return a style by its name.

    Raises
    ------
    InputError
        If there is no such style.

    """
    if name not in STYLES:
        raise InputError(f"no style {name!r}; there are {', '.join(STYLES)}")
    return STYLES[name]


def style_generator(style: Style, seed: int) -> np.random.Generator:
    """Return the generator of what a style draws for the scene of a seed."""
    return np.random.default_rng((seed, 2303, zlib.crc32(style.name.encode())))


def draw_look(style: Style, rng: np.random.Generator) -> Look:
    """Draw how a scene looks; the plain style has one look only."""
    if style.name == PLAIN:
        return Look()
    return Look(
        style.name, {category: _one(style.catalogues, rng) for category in CATEGORIES}, _value(style.tint_spread, rng),
        table=_one(style.table_textures, rng), floor=_one(style.floor_textures, rng),
        wall=_one(style.wall_textures, rng), wall_distance=_value(style.wall_distance, rng),
        wall_rgb=_shade(style.walls, rng), table_size=_value(style.table_size, rng), round_table=style.round_table,
        textures=tuple(_one(style.object_textures, rng) for _ in range(16)), specular=_value(style.specular, rng),
        shininess=_value(style.shininess, rng), ambient=_value(style.ambient, rng),
        headlight=_value(style.headlight, rng), lights=_draw_lights(style, rng), effects=_draw_effects(style, rng))


def draw_camera(style: Style, camera: Camera, rng: np.random.Generator) -> Camera:
    """Move a camera of the plain style to where the style takes its pictures from."""
    if style.name == PLAIN:
        return camera
    target = np.array(camera.target)
    x, y, z = np.array(camera.position) - target
    distance = math.sqrt(x * x + y * y + z * z) * _value(style.distance, rng)
    azimuth = math.atan2(y, x) + math.radians(_value(style.orbit, rng))
    elevation = math.asin(z / math.sqrt(x * x + y * y + z * z)) + math.radians(_value(style.elevation, rng))
    elevation = min(elevation, math.radians(85))
    position = target + distance * np.array([math.cos(azimuth) * math.cos(elevation),
                                             math.sin(azimuth) * math.cos(elevation), math.sin(elevation)])
    px, py, pz = position.tolist()
    return replace(camera, position=(px, py, pz), fovy=camera.fovy + _value(style.fovy, rng))


def _draw_lights(style: Style, rng: np.random.Generator) -> tuple[Light, ...]:
    count = int(rng.integers(style.lights[0], style.lights[1] + 1))
    shares = rng.dirichlet(np.full(count, 3.0)) * _value(style.light_intensity, rng)
    lights = []
    for share in shares:
        azimuth = math.radians(_value(style.light_azimuth, rng) - 90)
        elevation = math.radians(_value(style.light_elevation, rng))
        colour, shadow = np.array(_one(style.light_colours, rng)), bool(rng.random() < style.shadows)
        pieces = 3 if style.soft and count < 3 else 1
        for piece in range(pieces):
            turn, rise = 0.10 * (piece - (pieces - 1) / 2), 0.05 * (piece % 2)
            direction = (math.cos(azimuth + turn) * math.cos(elevation + rise),
                         math.sin(azimuth + turn) * math.cos(elevation + rise), math.sin(elevation + rise))
            x, y, z = (1.9 * np.array(direction)).tolist()
            red, green, blue = (share / pieces * colour).tolist()
            lights.append(Light((x, y, z), (red, green, blue), shadow))
    return tuple(lights)


def _draw_effects(style: Style, rng: np.random.Generator) -> Effects:
    exposure = _value(style.exposure, rng)
    red, green, blue = (exposure * (1 + style.balance * rng.uniform(-1, 1, 3))).tolist()
    return Effects(
        _value(style.occlusion, rng), int(_one(style.levels, rng)), _value(style.outline, rng), (red, green, blue),
        _value(style.gamma, rng), _value(style.saturation, rng), _value(style.vignette, rng), _value(style.blur, rng),
        _value(style.focus_blur, rng), _value(style.noise, rng), int(rng.integers(style.jpeg[0], style.jpeg[1] + 1)),
        int(rng.integers(2**31)))


def _value(bounds: Range, rng: np.random.Generator) -> float:
    return float(rng.uniform(*bounds))


def _one(options: Sequence[_T], rng: np.random.Generator) -> _T:
    return options[int(rng.integers(len(options)))]


def _shade(colours: Sequence[Triple], rng: np.random.Generator) -> Triple:
    red, green, blue = np.clip(np.array(_one(colours, rng)) * rng.uniform(0.92, 1.06), 0.04, 0.95).tolist()
    return red, green, blue
