"""The page of `ris try` in a headless Chromium, where one is installed: `pip install '.[browser]'`, apt's chromium."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

pytest.importorskip("nicegui")
sync_api = pytest.importorskip("playwright.sync_api")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if BROWSER is None:
    pytest.skip("needs Chromium or Chrome", allow_module_level=True)

PORT = 18_181
HOST = f"127.0.0.1:{PORT}"
PATIENCE = 120_000
"""Milliseconds."""


@pytest.fixture(scope="module")
def served():
    """The address of a running `ris try`, which is ended by Ctrl-C."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("ris")), "try", "--no-browser", "--port", str(PORT),
         "--set", "proposals.max_prompts=16", "--set", "max_image_pixels=1000000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # NiceGUI serves another way where it finds itself in a test.
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "NICEGUI"))})
    try:
        assert f"open http://{HOST}" in process.stdout.readline()
        yield f"http://{HOST}"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def page(served):
    """The page in a browser, once the models are there."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])  # root has no sandbox
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.requested, page.problems = [], []
        page.on("request", lambda request: page.requested.append(request.url))
        page.on("pageerror", lambda error: page.problems.append(error))
        page.goto(served)
        page.get_by_text("Type what to find").wait_for()
        yield page
        browser.close()


def ask(page, text):
    page.get_by_placeholder("the red cup").fill(text)
    page.keyboard.press("Enter")


def test_a_sentence_is_answered_and_explained(page, tmp_path):
    ask(page, "the grey cup in the middle")
    page.get_by_text("Found: the grey cup in the middle").wait_for()
    for description in ("the picture", "the tree of the sentence"):
        image = page.get_by_alt_text(description)
        assert image.is_visible()
        assert image.evaluate("image => image.complete && image.naturalWidth > 100")
    assert page.get_by_role("columnheader").all_inner_texts() == ["", "#", "box", "score", "looks", "place", "why not"]
    # Pictures travel inside the page: nothing comes from elsewhere.
    assert all(url.startswith(("data:", f"http://{HOST}/", f"ws://{HOST}/")) for url in page.requested)
    assert not page.problems


def test_an_example_is_asked_by_a_click(page):
    example = page.locator(".q-chip").first
    text = example.inner_text()
    example.click()
    page.get_by_text("ound: ").wait_for()  # found or not
    assert page.get_by_placeholder("the red cup").input_value() == text


@pytest.mark.parametrize(("size", "message"), [(0, "cannot read the picture bad.png"), (1001, "max_image_pixels")])
def test_a_picture_that_cannot_be_used_is_told(page, tmp_path, size, message):
    file = tmp_path / "bad.png"
    file.write_bytes(b"no picture") if not size else cv2.imwrite(str(file), cv2.UMat(size, size, cv2.CV_8UC3).get())
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_role("alert").get_by_text(message).wait_for()
    ask(page, "the grey cup")
    page.get_by_text("Found: the grey cup").wait_for()


def test_other_sites_cannot_reach_the_page(page):
    for host, status in ((HOST, 200), ("elsewhere.example", 400)):
        assert page.request.get(f"http://{HOST}/", headers={"Host": host}).status == status
