"""The page of `ris try`, by NiceGUI's simulation of a browser; test_try_browser.py opens it in a real one."""

from __future__ import annotations

import asyncio
import sys
from functools import lru_cache

import cv2
import numpy as np
import pytest

pytest.importorskip("nicegui")

from nicegui import ui
from nicegui.elements.upload_files import SmallFileUpload
from nicegui.testing import User, user_simulation
from skimage import data

from ris_ros import Config
from ris_ros.errors import MissingError
from ris_ros.tools import try_models, try_page
from ris_ros.tools.try_models import DRAWINGS, Models
from ris_ros.tools.try_page import BUNDLED, Page

SEED = 200_328
CONFIG = Config.from_dict({"device": "cpu", "proposals.max_prompts": 16, "max_image_pixels": 1_000_000})
PATIENCE = 2400
"""Tenths of a second: the first page waits for the models."""


rendered_once = lru_cache(try_models.simulated_commands)


@pytest.fixture(autouse=True)
def _rendered_once(monkeypatch):
    monkeypatch.setattr(try_models, "simulated_commands", rendered_once)


@pytest.fixture(scope="module")
def models():
    models = Models(CONFIG)
    yield models
    models.close()


def simulated(story, models: Models) -> None:
    """Run a coroutine function with a user who has opened the page and waited for the models."""
    async def run() -> None:
        async with user_simulation(lambda: Page(models, SEED).build()) as user:
            await user.open("/")
            await told(user, "status", "Type what to find")
            await story(user)

    asyncio.run(run())


async def told(user: User, marker: str, text: str) -> None:
    await user.should_see(marker=marker, content=text, retries=PATIENCE)


def shown(user: User, marker: str) -> ui.element:
    return user.find(marker=marker).elements.pop()


async def ask(user: User, text: str) -> None:
    with user:
        user.find(ui.input).elements.pop().value = text
    user.find(kind=ui.button, content="Find").click()


async def upload(user: User, name: str, content: bytes) -> None:
    with user:
        await user.find(ui.upload).elements.pop().handle_uploads([SmallFileUpload(name, "image/png", content)])


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def test_an_answer_is_shown_with_all_that_led_to_it(models):
    async def story(user: User) -> None:
        before = shown(user, "image").props["src"]
        user.find(ui.chip).elements  # noqa: B018 - raises without any examples
        await ask(user, "the grey cup in the middle")
        await told(user, "status", "Found: the grey cup in the middle")
        assert "the grey cup" in shown(user, "phrase").text
        assert shown(user, "image").props["src"] != before
        assert shown(user, "reading").props["src"].startswith("data:image/svg+xml")
        await user.should_see("region: a word for a region")
        table = shown(user, "factors")
        assert [column["label"] for column in table.columns] == ["", "#", "box", "score", "looks", "place", "why not"]
        assert [row[""] for row in table.rows][:2] == ["*", ""]
        assert all(row["why not"].startswith(("looks", "place")) for row in table.rows[1:])
        await user.should_see("place: how well it lies where the sentence says")
        drawings = set()
        for name in DRAWINGS:
            last = shown(user, "image").props["src"]
            with user:
                user.find(ui.toggle).elements.pop().value = name
            for _ in range(PATIENCE if name != "answer" else 0):
                if shown(user, "image").props["src"] != last:
                    break
                await asyncio.sleep(0.1)
            drawings.add(shown(user, "image").props["src"])
        assert len(drawings) == len(DRAWINGS)

    simulated(story, models)


def test_what_is_not_there_is_told_with_the_reason(models):
    async def story(user: User) -> None:
        await ask(user, "the green pen")
        await told(user, "status", "Not found: nothing fits 'the green pen'")
        assert all(row[""] == "" for row in shown(user, "factors").rows)

    simulated(story, models)


def test_what_cannot_be_used_is_told_in_one_line_and_the_page_goes_on(models):
    async def story(user: User) -> None:
        for text, message in (("", "names nothing"), ("?!", "names nothing"), ("cup " * 600, "characters")):
            await ask(user, text)
            await told(user, "error", message)
        for name, content, message in (("a.png", b"\x89PNG\r\n", "cannot read the picture a.png: it is not an image"),
                                       ("b.png", png(np.zeros((1001, 1000, 3), np.uint8)), "max_image_pixels"),
                                       ("/etc/c.png", png(np.zeros((64, 64, 3), np.uint8))[:60], "picture c.png")):
            await upload(user, name, content)
            await told(user, "error", message)
            assert "\n" not in shown(user, "error").text
        await ask(user, "the grey cup")
        await told(user, "status", "Found: the grey cup")
        await user.should_not_see(marker="error")

    simulated(story, models)


def test_the_bundled_models_are_said_to_know_no_photographs(models):
    async def story(user: User) -> None:
        await upload(user, "coffee.png", png(data.coffee()[::2, ::2]))
        await told(user, "note", BUNDLED)
        await user.should_not_see(ui.chip)
        await user.should_not_see(marker="factors")

    simulated(story, models)


def test_without_the_simulation_a_picture_can_be_dropped(models, monkeypatch):
    def missing(seed: int):
        raise MissingError("the simulated tabletop needs MuJoCo")

    monkeypatch.setattr(try_models, "simulated_commands", missing)

    async def run() -> None:
        async with user_simulation(lambda: Page(models, SEED).build()) as user:
            await user.open("/")
            await told(user, "error", "needs MuJoCo")
            await told(user, "status", "There is no picture yet")
            await ask(user, "the cup")
            await told(user, "error", "drop one on the page")
            await upload(user, "coffee.png", png(data.coffee()[::2, ::2]))
            await told(user, "status", "Type what to find")

    asyncio.run(run())


def test_models_that_are_missing_are_told_on_the_page():
    async def story(user: User) -> None:
        await told(user, "error", "no/such/model")

    missing = Models(CONFIG.replace({"encoder.model": "local-dir:/no/such/model"}))
    simulated(story, missing)
    missing.close()


def test_without_nicegui_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "nicegui", None)
    with pytest.raises(MissingError, match=r"ris_ros\[try\]"):
        try_page.serve(CONFIG, 18_080, "127.0.0.1", seed=SEED, show=False, started=lambda: None)
