"""Images and answers in a browser, by Rerun (extra `view`), whose wheel brings its viewer: no network is needed.

What comes in are plain arrays and the JSON of `~/result`; node/view.py takes them from topics.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from ris_ros.errors import InputError, MissingError
from ris_ros.types import CameraModel
from ris_ros.visualization import GRASP_COLOUR, TARGET_COLOUR

# What is kept for browsers that open the page later.
_KEPT = "512MB"


class Viewer:
    """Draws into a Rerun recording; where that goes is said by :meth:`serve` or :meth:`save`.

    Stamps are nanoseconds; each thing drawn is shown at the stamp of the image it was computed from.

    Raises
    ------
    MissingError
        When rerun-sdk is not installed.

    """

    def __init__(self) -> None:
        try:
            import rerun
        except ImportError as error:
            raise MissingError("`ris view` needs Rerun: pip install 'ris_ros[view]'") from error
        self._rerun = rerun
        self._recording = rerun.RecordingStream("ris_ros")
        # Of a mask only the target shows.
        classes = rerun.AnnotationContext([(0, "", (0, 0, 0, 0)), (1, "target", TARGET_COLOUR)])
        self._recording.log("camera/mask", classes, static=True)
        self._frame = ""

    def serve(self, port: int = 9090, data_port: int = 9876) -> str:
        """Serve viewer and data to browsers on any host.

        Returns
        -------
        The address to open, with {host} in the place of this machine's name.

        Raises
        ------
        InputError
            When a port is taken.

        """
        for wanted, option in ((port, "--port"), (data_port, "--data-port")):
            # Rerun itself only logs when the data's port is taken, and the page would stay empty.
            with socket.socket() as probe:
                try:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("", wanted))
                except (OSError, OverflowError) as error:
                    raise InputError(f"cannot serve on port {wanted}: {error}; choose another with {option}") from error
        # Rerun lets pages of this machine alone ask for data; robots are watched from others.
        self._recording.serve_grpc(grpc_port=data_port, default_blueprint=self._blueprint(),
                                   server_memory_limit=_KEPT, cors_allow_origin=[f"http://*:{port}"])
        self._rerun.serve_web_viewer(web_port=port, open_browser=False)
        return f"http://{{host}}:{port}/?url={quote('rerun+http://', safe='')}{{host}}:{data_port}/proxy"

    def save(self, path: Path) -> None:
        """Write a recording to a file instead, for `rerun FILE.rrd` later."""
        try:
            self._recording.save(path, default_blueprint=self._blueprint())
        except Exception as error:
            raise InputError(f"cannot write {path}: {' '.join(str(error).split())}") from error

    def close(self) -> None:
        """Send or write what is still waiting."""
        self._recording.flush()
        self._recording.disconnect()

    def image(self, stamp: int, pixels: np.ndarray) -> None:
        """Uint8 RGB [H, W, 3]."""
        self._log(stamp, "camera/image", self._rerun.Image(pixels).compress(jpeg_quality=80))

    def encoded_image(self, stamp: int, data: bytes, media_type: str) -> None:
        """The bytes of a JPEG or PNG file, which the browser decodes."""
        self._log(stamp, "camera/image", self._rerun.EncodedImage(contents=data, media_type=media_type))

    def mask(self, stamp: int, mask: np.ndarray) -> None:
        """Bool [H, W], over the image."""
        self._log(stamp, "camera/mask", self._rerun.SegmentationImage(mask.astype(np.uint8), opacity=0.45))

    def camera(self, stamp: int, frame: str, model: CameraModel, width: int, height: int) -> None:
        """Where the camera looks, in its optical frame `frame`."""
        rerun = self._rerun
        self._log(stamp, f"space/{frame}/camera", rerun.Pinhole(
            image_from_camera=model.intrinsics, resolution=[width, height], camera_xyz=rerun.ViewCoordinates.RDF,
            image_plane_distance=0.1))

    def points(self, stamp: int, frame: str, xyz: np.ndarray, colours: np.ndarray) -> None:
        """Float32 [P, 3], metres in `frame`, and uint8 RGB [P, 3]."""
        self._log(stamp, f"space/{frame}/points", self._rerun.Points3D(xyz, colors=colours, radii=0.001))

    def result(self, report: dict[str, Any]) -> None:
        """What `~/result` says: box, confidence, latency, and the objects in space."""
        rerun, stamp = self._rerun, report["stamp"]["sec"] * 1_000_000_000 + report["stamp"]["nanosec"]
        text, found = report["text"], report["found"]
        label = f"{text}  {report['confidence']:.2f}"
        self._log(stamp, "camera/box", rerun.Boxes2D(array=[report["box"]], array_format=rerun.Box2DFormat.XYXY,
                                                     labels=[label], colors=[TARGET_COLOUR])
                  if found else rerun.Clear(recursive=False))
        self._log(stamp, "answers", rerun.TextLog(label if found else f"{text}: not found: {report['reason']}",
                                                  level="INFO" if found else "WARN"))
        self._log(stamp, "figures/confidence", rerun.Scalars(report["confidence"]))
        if report.get("latency") is not None:
            self._log(stamp, "figures/latency", rerun.Scalars(report["latency"]))
        frame = report.get("objects_frame_id") or report["frame_id"]
        self._orient(frame, optical=frame == report["frame_id"])
        self._objects(stamp, frame, report.get("objects") or [], text)

    def _objects(self, stamp: int, frame: str, objects: list[dict[str, Any]], text: str) -> None:
        rerun = self._rerun
        if not objects:
            self._log(stamp, f"space/{frame}/boxes", rerun.Clear(recursive=False))
            self._log(stamp, f"space/{frame}/grasps", rerun.Clear(recursive=False))
            return
        boxes, grasps = [thing["box"] for thing in objects], [thing["grasp"] for thing in objects]
        self._log(stamp, f"space/{frame}/boxes", rerun.Boxes3D(
            centers=[box["centre"] for box in boxes], sizes=[box["size"] for box in boxes],
            quaternions=[box["quaternion"] for box in boxes], labels=[text] * len(boxes),
            colors=[TARGET_COLOUR] * len(boxes)))
        fingers = [np.array([grasp["centre"]]) + np.outer([-0.5, 0.5], grasp["closing"]) * grasp["opening"]
                   for grasp in grasps]
        self._log(stamp, f"space/{frame}/grasps", rerun.LineStrips3D(fingers, colors=[GRASP_COLOUR] * len(grasps),
                                                                     radii=0.002))

    def _orient(self, frame: str, optical: bool) -> None:
        """Tell the view which way is up, when things come in a frame that it does not show yet."""
        if frame != self._frame:
            self._frame = frame
            known = self._rerun.ViewCoordinates
            self._recording.log("space", known.RDF if optical else known.RIGHT_HAND_Z_UP, static=True)

    def _log(self, stamp: int, entity: str, what: Any) -> None:
        self._recording.set_time("stamp", timestamp=np.datetime64(stamp, "ns"))
        self._recording.log(entity, what)

    def _blueprint(self) -> Any:
        import rerun.blueprint as layout

        return layout.Blueprint(
            layout.Horizontal(
                layout.Vertical(layout.Spatial2DView(origin="camera", name="camera"),
                                layout.TextLogView(origin="answers", name="answers"), row_shares=[3, 1]),
                layout.Vertical(layout.Spatial3DView(origin="space", name="space"),
                                layout.TimeSeriesView(origin="figures", name="figures"), row_shares=[3, 1])),
            # The newest at the time of its stamp; who wants to look back drags the time.
            layout.TimePanel(state="collapsed", timeline="stamp", play_state="following"), collapse_panels=True)
