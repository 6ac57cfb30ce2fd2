"""`ris demo --animation`: a moving picture of a command on the simulated tabletop, from the typed text to the tracking.

Every mask, box, grasp and confidence in it is what the method finds. The time that it takes is not shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ris_ros.errors import InputError
from ris_ros.geometry import Object3D, locate
from ris_ros.sim.motion import orbit
from ris_ros.sim.render import Renderer
from ris_ros.sim.tabletop import sample_scene
from ris_ros.tracking import Tracker
from ris_ros.types import CameraModel, Depth, Result
from ris_ros.utils.masks import mask_iou
from ris_ros.visualization import TARGET_COLOUR, draw_objects, draw_outline, draw_proposals, draw_result

if TYPE_CHECKING:
    from ris_ros.config import Config
    from ris_ros.sim.scene import Rendering

WIDTH = 480
"""Of the picture, pixels."""
STRIP_HEIGHT = 34
"""Of the line of text below the camera's image, pixels."""
STRIP_COLOUR, TEXT_COLOUR = (24, 26, 30), (235, 235, 235)
"""RGB colours of that line."""
LETTERS_PER_FRAME = 2
"""How fast the command is typed."""
FRAME_SECONDS = 0.08
"""Time for which a frame of a movement is shown."""
TRACKED_FRAMES = 36
"""Frames in which the camera moves."""
SWING_DEGREES = 14.0
"""How far the camera swings to each side."""
VERIFIED_EVERY = 9
"""Frames between two verified keyframes."""
PALETTE_COLOURS = 128
"""Colours of a GIF's frame."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame: an image, uint8 RGB [H, W, 3], the text below it, and the seconds for which it is shown."""

    image: np.ndarray
    text: str
    seconds: float = FRAME_SECONDS


def make_animation(path: Path, *, command: str, seed: int, config: Config, progress: Callable[[str], None]
                   ) -> dict[str, Any]:
    """Write the moving picture of one command as a GIF.

    Parameters
    ----------
    path : file to write
    command : names one object of the scene
    seed : seed of the simulated scene
    config : settings of the method
    progress : takes a few words about the current step

    Returns
    -------
    A summary: the number of `frames`, the `bytes` of the file, and the lowest `iou` of the tracked mask with the truth.

    Raises
    ------
    InputError
        If the command names no object, or several.

    """
    from ris_ros.segmenter import ReferringSegmenter

    progress("loading models")
    segmenter = ReferringSegmenter.from_config(config)
    scene = sample_scene(seed)
    angles = SWING_DEGREES * np.sin(np.linspace(0, 2 * math.pi, TRACKED_FRAMES + 1))
    progress("rendering")
    with Renderer() as renderer:
        frames = [renderer.render(replace(scene, camera=orbit(scene.camera, math.radians(angle)))) for angle in angles]
    progress(f"asking for {command!r}")
    first = frames[0]
    depth = Depth(first.depth, CameraModel(first.intrinsics))
    result = segmenter(first.image, command, depth=depth)
    if len(result.instances) != 1:
        raise InputError(f"{command!r} must name one object of scene {seed}, not {len(result.instances)}; "
                         f"{result.reason or result.note}")
    proposals = segmenter.set_image(first.image, depth=depth)
    located = locate(result.mask, depth, first.image)
    shots = [*_typing(first.image, command), Shot(draw_proposals(first.image, proposals), "proposals", 0.9),
             *_answer(first, result, located)]
    progress("tracking")
    tracked = list(_tracking(Tracker(segmenter), frames, result))
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_gif(path, [*shots, *(shot for shot, _ in tracked)])
    return {"frames": len(shots) + len(tracked), "bytes": path.stat().st_size, "iou": min(iou for _, iou in tracked)}


def _typing(image: np.ndarray, command: str) -> Iterator[Shot]:
    yield Shot(image, "> ", 0.6)
    for end in range(LETTERS_PER_FRAME, len(command) + LETTERS_PER_FRAME, LETTERS_PER_FRAME):
        yield Shot(image, f"> {command[:end]}")
    yield Shot(image, f"> {command}", 0.6)


def _answer(frame: Rendering, result: Result, located: Object3D) -> Iterator[Shot]:
    yield Shot(draw_result(frame.image, result), f"found, confidence {result.confidence:.2f}", 1.6)
    outlined = draw_outline(frame.image, result.mask, TARGET_COLOUR, 2)
    x, y, z = located.box.centre
    yield Shot(draw_objects(outlined, [located], CameraModel(frame.intrinsics)),
               f"pose {x:.2f} {y:.2f} {z:.2f} m, grasp {1000 * located.grasp.opening:.0f} mm wide", 2.4)


def _tracking(tracker: Tracker, frames: list[Rendering], result: Result) -> Iterator[tuple[Shot, float]]:
    """Yield a shot of each frame in which the object is tracked, and the IoU of its mask with the truth."""
    tracker.start_from(result, frames[0].image)
    [instance] = result.instances
    target = _covered_object(frames[0], instance.mask)
    for number, frame in enumerate(frames[1:], 1):
        state = tracker.track(frame.image, number * FRAME_SECONDS)
        if number % VERIFIED_EVERY == 0 and (keyframe := tracker.next_keyframe()) is not None:
            tracker.apply(tracker.verify(keyframe))
        truth = frame.mask(target)
        iou = mask_iou(state.mask, truth)
        shown = replace(instance, mask=state.mask, box=state.box)
        moved = replace(result, found=state.found, mask=state.mask, box=state.box, instances=[shown],
                        confidence=state.confidence, reason=state.reason)
        yield Shot(draw_result(frame.image, moved), "tracking" if state.found else f"lost: {state.reason}"), iou


def _covered_object(frame: Rendering, mask: np.ndarray) -> int:
    """Return the index of the object that most of a mask shows."""
    ids, counts = np.unique(frame.instances[mask], return_counts=True)
    return int(ids[np.argmax(counts)]) - 1


def _write_gif(path: Path, shots: list[Shot]) -> None:
    font = ImageFont.load_default(size=17)
    pictures = []
    for shot in shots:
        image = Image.fromarray(shot.image)
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
        picture = Image.new("RGB", (WIDTH, image.height + STRIP_HEIGHT), STRIP_COLOUR)
        picture.paste(image)
        ImageDraw.Draw(picture).text((10, image.height + 6), shot.text, fill=TEXT_COLOUR, font=font)
        pictures.append(picture.quantize(PALETTE_COLOURS, dither=Image.Dither.NONE))
    pictures[0].save(path, save_all=True, append_images=pictures[1:], loop=0,
                     duration=[round(1000 * shot.seconds) for shot in shots])
