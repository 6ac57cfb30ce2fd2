"""Answers to look at, best, worst and nearly right: one page that needs no other file and no network."""

from __future__ import annotations

import base64
import html

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.base import Picture
from ris_ros.evaluation.records import Outcome
from ris_ros.evaluation.run import Report

TRUTH_COLOUR, ANSWER_COLOUR = (40, 200, 80), (255, 0, 200)
WIDTH = 360  # pixels
ENOUGH = 0.5  # IoU from which an answer counts as right

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
{parts}
</html>
"""


def gallery_page(report: Report, each: int = 12) -> str:
    """HTML with at most `each` answers of every sort, the pictures inside it."""
    pictures = {picture.id: picture for picture in report.data.pictures}
    title = f"{report.about['method']} on {report.about['data']} {report.about['split']}"
    parts = []
    for heading, outcomes in _sorts(report.outcomes).items():
        figures = [_figure(pictures[outcome.image], outcome) for outcome in _of_different_pictures(outcomes)[:each]]
        if figures:
            parts.append(f"<h2>{heading}</h2>\n<section>\n" + "\n".join(figures) + "\n</section>")
    return _PAGE.format(title=html.escape(title), count=len(report.outcomes), parts="\n".join(parts),
                        truth=TRUTH_COLOUR, answer=ANSWER_COLOUR)


def _sorts(outcomes: list[Outcome]) -> dict[str, list[Outcome]]:
    present = [outcome for outcome in outcomes if outcome.targets]
    wrong = [outcome for outcome in present if outcome.iou < ENOUGH]
    invented = [outcome for outcome in outcomes if not outcome.targets and outcome.answered]
    return {
        "Best": sorted(present, key=lambda outcome: -outcome.iou),
        "Worst: the surest of the wrong ones": sorted(
            wrong, key=lambda outcome: (outcome.iou > 0, -outcome.confidence)),
        "Near misses": sorted(wrong, key=lambda outcome: -outcome.iou),
        "Found what is not there": sorted(invented, key=lambda outcome: -outcome.confidence)}


def _of_different_pictures(outcomes: list[Outcome]) -> list[Outcome]:
    """One of each picture first, so that a page does not show one picture twelve times; then the rest."""
    first: dict[str, Outcome] = {}
    for outcome in outcomes:
        first.setdefault(outcome.image, outcome)
    kept = {outcome.key for outcome in first.values()}
    return [*first.values(), *(outcome for outcome in outcomes if outcome.key not in kept)]


def _figure(picture: Picture, outcome: Outcome) -> str:
    caption = html.escape(outcome.text)
    numbers = (f"IoU {100 * outcome.iou:.0f} %, confidence {outcome.confidence:.2f}; "
               f"picture {html.escape(outcome.image)}")
    try:
        expression = next(expression for expression in picture.expressions
                          if (expression.ref, expression.sentence) == (outcome.ref, outcome.sentence))
        shown = _overlay(picture.read_image(), picture.truth(expression, *outcome.size), outcome.read_mask())
    except InputError as error:  # the picture has gone since it was measured
        return f"<figure><figcaption>{caption}: {html.escape(str(error))}</figcaption></figure>"
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(shown, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
    source = base64.b64encode(jpeg).decode("ascii")
    return (f'<figure><img src="data:image/jpeg;base64,{source}" alt="{caption}">'
            f"<figcaption>{caption}<br><small>{numbers}</small></figcaption></figure>")


def _overlay(image: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    size = (WIDTH, max(1, round(image.shape[0] * WIDTH / image.shape[1])))
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for mask, colour, thickness in ((truth, TRUTH_COLOUR, 4), (answer, ANSWER_COLOUR, 2)):
        small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        if mask is answer:
            canvas[small > 0] = (0.65 * canvas[small > 0] + 0.35 * np.array(colour)).astype(np.uint8)
        contours, _ = cv2.findContours(small, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, contours, -1, colour, thickness)
    return canvas
