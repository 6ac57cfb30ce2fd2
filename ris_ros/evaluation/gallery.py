"""A self-contained HTML page of answers: the best, the worst and near misses."""

from __future__ import annotations

import base64
import html

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.base import Picture
from ris_ros.evaluation.records import Record
from ris_ros.evaluation.run import Report

TRUTH_COLOUR, ANSWER_COLOUR = (40, 200, 80), (255, 0, 200)
IMAGE_WIDTH = 360
"""Pixels."""
MIN_CORRECT_IOU = 0.5
"""IoU from which an answer counts as correct."""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }}
section {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 1em; }}
figure {{ margin: 0; }} img {{ width: 100%; display: block; }} figcaption {{ font-size: 13px; padding: .3em 0; }}
.truth {{ color: rgb{truth}; }} .answer {{ color: rgb{answer}; }}
</style>
<h1>{title}</h1>
<p>{count} expressions; <b class="truth">green: the truth</b>, <b class="answer">magenta: the answer</b>.</p>
{sections}
</html>
"""


def gallery_page(report: Report, max_per_section: int = 12) -> str:
    """Return the page as HTML, with the images in it."""
    pictures = {picture.id: picture for picture in report.data.pictures}
    title = f"{report.about['method']} on {report.about['data']} {report.about['split']}"
    sections = []
    for heading, records in _sections(report.records).items():
        figures = [_figure(pictures[record.image], record)
                   for record in _different_pictures_first(records)[:max_per_section]]
        if figures:
            sections.append(f"<h2>{heading}</h2>\n<section>\n" + "\n".join(figures) + "\n</section>")
    return _PAGE.format(title=html.escape(title), count=len(report.records), sections="\n".join(sections),
                        truth=TRUTH_COLOUR, answer=ANSWER_COLOUR)


def _sections(records: list[Record]) -> dict[str, list[Record]]:
    """Return the sorted records of each section by its heading."""
    present = [record for record in records if record.targets]
    wrong = [record for record in present if record.iou < MIN_CORRECT_IOU]
    false_positives = [record for record in records if not record.targets and record.answered]
    return {
        "Best": sorted(present, key=lambda record: -record.iou),
        "Worst: wrong with the highest confidence": sorted(
            wrong, key=lambda record: (record.iou > 0, -record.confidence)),
        "Near misses": sorted(wrong, key=lambda record: -record.iou),
        "False positives: the target is absent": sorted(false_positives, key=lambda record: -record.confidence)}


def _different_pictures_first(records: list[Record]) -> list[Record]:
    """Return the first record of each picture, then the rest, so that a section does not repeat one picture."""
    first: dict[str, Record] = {}
    for record in records:
        first.setdefault(record.image, record)
    keys = {record.key for record in first.values()}
    return [*first.values(), *(record for record in records if record.key not in keys)]


def _figure(picture: Picture, record: Record) -> str:
    """Return the HTML of one answer."""
    caption = html.escape(record.text)
    numbers = (f"IoU {100 * record.iou:.0f} %, confidence {record.confidence:.2f}; "
               f"picture {html.escape(record.image)}")
    try:
        expression = next(expression for expression in picture.expressions
                          if (expression.ref, expression.sentence) == (record.ref, record.sentence))
        drawn = _draw(picture.read_image(), picture.target_mask(expression, *record.size), record.read_mask())
    except InputError as error:  # the image file was removed after the evaluation
        return f"<figure><figcaption>{caption}: {html.escape(str(error))}</figcaption></figure>"
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
    source = base64.b64encode(jpeg.tobytes()).decode("ascii")
    return (f'<figure><img src="data:image/jpeg;base64,{source}" alt="{caption}">'
            f"<figcaption>{caption}<br><small>{numbers}</small></figcaption></figure>")


def _draw(image: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return the image, reduced to IMAGE_WIDTH, with the outlines of both masks and the answer filled."""
    size = (IMAGE_WIDTH, max(1, round(image.shape[0] * IMAGE_WIDTH / image.shape[1])))
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for mask, colour, thickness in ((truth, TRUTH_COLOUR, 4), (answer, ANSWER_COLOUR, 2)):
        small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        if mask is answer:
            canvas[small > 0] = (0.65 * canvas[small > 0] + 0.35 * np.array(colour)).astype(np.uint8)
        contours, _ = cv2.findContours(small, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, contours, -1, colour, thickness)
    return canvas
