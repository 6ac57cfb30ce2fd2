"""Zero-shot referring image segmentation for ROS 2: image + "the red cup on the left" -> mask, box, points, pose.

Modules
-------
segmenter       :class:`ReferringSegmenter`: image and text -> :class:`Result`
questions       yes/no and how-many questions, answered by the same grounding
types           the data that flows between the packages
config          all settings
errors          all errors
serialization   results as plain data for JSON
visualization   results as drawings

Packages
--------
language        expression -> :class:`Query`
proposals       image -> :class:`Proposals`
encoding        masks and texts -> CLIP features
grounding       features, layout and query -> ranked candidates and an answer
geometry        mask, depth and camera -> points, oriented box and grasp
tracking        the chosen object in every following frame
messages        images, depth and results <-> ROS messages, with or without rclpy
node            the ROS 2 node
tools           programs around the node: simulated camera, demo, doctor, browser viewer, page to try it, benchmarks
recordings      the method on bags, without ROS
sim             a simulated tabletop and its referring expressions
evaluation      data sets, metrics, baselines and runs
cli             the command line `ris`
utils           masks and boxes, image files, weights, devices, cancellation, caches, a Ray pool

Imports go down only: errors, config, utils < types < language, proposals, encoding, geometry (which do not import each
other) < grounding < segmenter, questions, serialization, visualization < tracking < messages, node, recordings <
tools, evaluation, cli. sim imports only errors, types and utils.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ris_ros.config import Config

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.types import Candidate, Proposals, Query, Result

__version__ = "0.1.0"
__all__ = ["Candidate", "Config", "Proposals", "Query", "ReferringSegmenter", "Result"]


def __getattr__(name: str) -> Any:
    # Lazy imports: `ris --help` must not load numpy and torch.
    if name == "ReferringSegmenter":
        from ris_ros.segmenter import ReferringSegmenter
        return ReferringSegmenter
    if name in __all__:
        from ris_ros import types
        return getattr(types, name)
    raise AttributeError(f"module 'ris_ros' has no attribute {name!r}")
