"""The evaluation of weaker and weaker encoders."""

from __future__ import annotations

import pytest
from rich.console import Console

from ris_ros import Config, ReferringSegmenter
from ris_ros.config import EncoderConfig
from ris_ros.encoding import load_encoder
from ris_ros.errors import InputError
from ris_ros.evaluation.weak_encoders import evaluate_levels, plot, table
from ris_ros.language import ExpressionParser
from ris_ros.utils.images import read_image

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reports():
    segmenter = ReferringSegmenter(Config(), None, load_encoder(EncoderConfig(), "cpu"), ExpressionParser())
    return list(evaluate_levels(segmenter, ["weights:0", "weights:2"], split="validation", scenes=2, start=40,
                                proposals=False))


def test_the_figures_fall_with_the_encoder(reports):
    strong, weak = (report.row() for report in reports)
    assert strong["present"] > 0.9
    assert weak["present"] < strong["present"]
    assert weak["AUROC"] < strong["AUROC"]
    assert {report.calibrated_by for report in reports} == {"stock images"}


def test_the_figures_are_printed_and_plotted(reports, tmp_path):
    console = Console(record=True, width=120)
    console.print(table(reports))
    assert "weights:2" in console.export_text()
    plot(reports, tmp_path / "weak.png")
    assert read_image(tmp_path / "weak.png").std() > 10


def test_an_unknown_weakening_is_refused(reports):
    segmenter = ReferringSegmenter(Config(), None, load_encoder(EncoderConfig(), "cpu"), ExpressionParser())
    with pytest.raises(InputError, match="no kind of weakening"):
        list(evaluate_levels(segmenter, ["sand:1"], scenes=1))
