"""The page of `ris try`, by NiceGUI (extra `try`), whose wheel brings all that the page needs: no network is used."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ris_ros.errors import InputError, MissingError, RisError, one_line
from ris_ros.language.tree import LABELS
from ris_ros.serialization import candidate_table, result_to_dict
from ris_ros.tools.try_models import DRAWINGS, Explanation, Models, Picture
from ris_ros.tools.viewer import LOCAL_HOST, free_address
from ris_ros.utils.images import MAX_FILE_BYTES, decode_rgb
from ris_ros.utils.texts import check_text
from ris_ros.visualization import draw_reading

if TYPE_CHECKING:
    from nicegui.events import UploadEventArguments

    from ris_ros.config import Config
    from ris_ros.language.reader import Reading

logger = logging.getLogger(__name__)

SHOWN_PIXELS = 1280
"""Longest side of the images that are sent to the browser."""
JPEG_QUALITY = 90
BUNDLED = ("These models know the simulated table only: on a photograph the answers mean little. Start with "
           "`ris try --model ViT-B-16/openai`, or another model, for photographs.")
MEANINGS = {
    "looks": "how likely it looks like what the sentence names",
    "place": "how well it lies where the sentence says",
    "rank": "how likely it has the rank that the sentence asks for, such as second or largest",
    "not": "how surely it is not what the sentence excludes",
    "cosine": "the similarity of picture and text, -1 to 1",
    "logit": "the same on the model's own scale",
}
"""What the factors of a score mean; the others are relations."""
_SMALL = "text-sm text-gray-600"
RELATION = "how surely it stands in this relation to what the sentence names"


def serve(config: Config, port: int, host: str, *, seed: int, show: bool, started: Callable[[], None]) -> None:
    """Serve the page until the process is interrupted.

    Parameters
    ----------
    config : every setting
    port : of the page
    host : address of this machine to serve on
    seed : of the first simulated scene
    show : whether to open a browser
    started : is called once the page is served

    Raises
    ------
    InputError
        When the port is in use, or `host` is not this machine.
    MissingError
        When NiceGUI is not installed.

    """
    try:
        from nicegui import app, ui
    except ImportError as error:
        raise MissingError("`ris try` needs NiceGUI: pip install 'ris_ros[try]'") from error
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    address = free_address(host, {"--port": port})
    models = Models(config)
    app.on_startup(started)
    app.on_shutdown(models.close)
    if address == LOCAL_HOST:
        # A page from elsewhere whose name is made to point here must not reach the pictures.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[LOCAL_HOST, "localhost", host])
    ui.run(lambda: Page(models, seed).build(), host=address, port=port, title="ris try", reload=False, show=show,
           show_welcome_message=False, favicon="🔎")


class Page:
    """One open page: a picture, a sentence, and the explanation of the last answer.

    Parameters
    ----------
    models : answer
    seed : of the first simulated scene

    """

    def __init__(self, models: Models, seed: int):
        from nicegui import ui

        self._ui, self._models, self._seed = ui, models, seed
        self._picture: Picture | None = None
        self._explanation: Explanation | None = None

    def build(self) -> None:
        """Lay the page out, load the models and show the first simulated scene."""
        ui = self._ui
        ui.colors(primary="#1f5fa8")
        # Of the uploader only the place to drop a file: the picture itself is shown beside it.
        ui.add_css(".q-uploader__subtitle, .q-uploader__list > * { display: none }")
        with ui.column().classes("w-full max-w-screen-2xl mx-auto p-4 gap-4"):
            ui.label("Find an object by a sentence").classes("text-2xl font-medium")
            ui.label("All of this runs on the machine that serves this page; no picture leaves it.").classes(_SMALL)
            with ui.row().classes("w-full gap-6 items-start"):
                with ui.column().classes("w-full lg:w-4/12 gap-3"):
                    self._build_inputs()
                with ui.column().classes("w-full lg:w-0 lg:grow gap-3"):
                    self._build_answer()
                    with ui.column().classes("w-full gap-3").bind_visibility_from(self, "_explanation", bool):
                        self._build_explanation()
        ui.timer(0.1, self._start, once=True)

    def _build_inputs(self) -> None:
        ui = self._ui
        ui.label("1. A picture").classes("text-lg")
        self._simulate = ui.button("Another simulated table", on_click=self._show_next_scene).props("outline no-caps")
        self._upload = ui.upload(label="Or drop a picture here, or choose one with +", auto_upload=True,
                                 max_file_size=MAX_FILE_BYTES, on_upload=self._take_file, on_rejected=self._reject_file)
        self._upload.classes("w-full").props('accept="image/*" flat bordered')
        ui.label("2. A sentence").classes("text-lg")
        with ui.row().classes("w-full items-center gap-2 no-wrap"):
            self._text = ui.input(placeholder="the red cup on the left").classes("grow").props("outlined dense")
            self._text.on("keydown.enter", self._find)
            self._button = ui.button("Find", on_click=self._find).props("no-caps")
        self._examples = ui.row().classes("gap-1")

    def _build_answer(self) -> None:
        ui = self._ui
        with ui.row().classes("items-center gap-2"):
            self._spinner = ui.spinner(size="sm")
            self._status = ui.label("Starting").classes("text-lg").mark("status")
        self._error = ui.label().classes("w-full rounded p-3 bg-red-100 text-red-900").props("role=alert").mark("error")
        self._error.visible = False
        self._note = ui.label().classes(f"{_SMALL} whitespace-pre-line").mark("note")
        self._drawing = ui.toggle(list(DRAWINGS), value="answer", on_change=self._draw).props("no-caps dense")
        self._drawing.classes("q-px-sm").bind_visibility_from(self, "_explanation", bool)
        self._image = ui.element("img").classes("w-full rounded").props('alt="the picture"').mark("image")
        self._image.visible = False

    def _build_explanation(self) -> None:
        ui = self._ui
        ui.label("3. How the sentence was read").classes("text-lg")
        self._phrase = ui.label().mark("phrase")
        with ui.element("div").classes("w-full overflow-x-auto"):
            self._reading = ui.element("img").classes("max-w-none").mark("reading")
            self._reading.props('alt="the tree of the sentence"')
        self._labels = ui.column().classes(f"{_SMALL} gap-0")
        ui.label("4. Why this one, and why not the others").classes("text-lg")
        self._table = ui.table(rows=[], columns=[]).classes("w-full").props("dense flat bordered").mark("factors")
        self._meanings = ui.column().classes(f"{_SMALL} gap-0")
        self._time = ui.label().classes(_SMALL).mark("time")

    async def _start(self) -> None:
        await self._show_scene()
        with self._working("Loading the models. The first time, they are downloaded.", keeps_error=True):
            await self._models.load()

    async def _show_next_scene(self) -> None:
        self._seed += 1
        await self._show_scene()

    async def _show_scene(self) -> None:
        with self._working("Drawing the table"):
            self._show(await self._models.simulate(self._seed))

    async def _take_file(self, event: UploadEventArguments) -> None:
        with self._working("Reading the picture"):
            if event.file.size() > MAX_FILE_BYTES:
                raise InputError(f"an image file may have {MAX_FILE_BYTES} bytes")
            try:
                image = decode_rgb(await event.file.read(), self._models.config.max_image_pixels, upright=True)
            except InputError as error:
                raise InputError(f"cannot read the picture {Path(event.file.name).name}: {error}") from error
            self._show(Picture(image))
        self._upload.reset()  # A browser sends the same file twice only if it has forgotten the first.

    def _reject_file(self) -> None:
        with self._working(""):
            raise InputError(f"this is no picture, or it has more than {MAX_FILE_BYTES} bytes: choose a PNG, JPEG, "
                             "WebP, TIFF or BMP file")

    def _show(self, picture: Picture) -> None:
        """Show a picture that nothing was asked of yet."""
        self._picture, self._explanation = picture, None
        self._examples.clear()
        with self._examples:
            for sentence in picture.sentences:
                self._ui.chip(sentence, on_click=lambda sentence=sentence: self._ask(sentence)).props("outline dense")
        self._note.text = self._limit(picture)
        _show_image(self._image, _jpeg(picture.image))

    def _limit(self, picture: Picture) -> str:
        """Return what is to be said of these models and this picture; only simulated ones come with depth."""
        return BUNDLED if picture.depth is None and self._models.config.encoder.model == "bundled" else ""

    async def _ask(self, sentence: str) -> None:
        self._text.value = sentence
        await self._find()

    async def _find(self) -> None:
        if not self._button.enabled:
            return
        text = self._text.value or ""
        with self._working("Finding it"):
            check_text(text)
            if self._picture is None:
                raise InputError("there is no picture to search: drop one on the page")
            self._explanation = await self._models.explain(self._picture, text)
            self._explain(self._explanation)
            await self._draw()

    async def _draw(self) -> None:
        if self._explanation is not None:
            _show_image(self._image, _jpeg(await self._models.draw(self._drawing.value, self._explanation)))

    def _explain(self, explanation: Explanation) -> None:
        result = explanation.result
        notes = (self._limit(explanation.picture), result.note, *explanation.notes)
        self._note.text = "\n".join(filter(None, notes))
        self._phrase.text = f"It asks for: {', '.join(target.phrase for target in result.query.targets)}"
        self._show_reading(explanation.reading)
        titles, rows = candidate_table(result_to_dict(result))
        self._table.columns = [{"name": title, "label": title, "field": title, "align": "left"} for title in titles]
        self._table.rows = [dict(zip(titles, row, strict=True)) for row in rows]
        factors = titles[titles.index("score") + 1:-1]
        lines = [f"{len(explanation.proposals)} masks were compared; these fit best. * marks the answer."]
        lines += ["The score is the product of its factors, each from 0 to 1."] * ("looks" in factors)
        lines += [f"{factor}: {MEANINGS.get(factor.split(' #')[0], RELATION)}" for factor in factors]
        self._list(self._meanings, lines)
        self._time.text = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in result.timings.items())

    def _show_reading(self, reading: Reading | None) -> None:
        _show_image(self._reading, _data_url("svg+xml", draw_reading(reading).encode()) if reading else "")
        labels = dict.fromkeys(reading.tree.labels[1:]) if reading else {}
        self._list(self._labels, [*["The percentages say how sure the reader is of each word."] * bool(labels),
                                  *(f"{label}: {LABELS[label]}" for label in labels if label != "said")])

    def _list(self, column: Any, lines: list[str]) -> None:
        column.clear()
        with column:
            for line in lines:
                self._ui.label(line)

    @contextmanager
    def _working(self, what: str, *, keeps_error: bool = False) -> Iterator[None]:
        """Show what is being done, lock the buttons, and show an error as one line in place of the last one."""
        self._error.visible = self._error.visible and keeps_error
        self._status.text, self._spinner.visible = what, True
        for element in (self._button, self._simulate, self._upload):
            element.disable()
        try:
            yield
        except RisError as error:
            self._fail(one_line(error))
        except Exception as error:
            logger.exception("the page failed")
            self._fail(f"unexpected {one_line(error)}")
        finally:
            self._spinner.visible = False
            self._status.text = self._verdict()
            for element in (self._button, self._simulate, self._upload):
                element.enable()

    def _verdict(self) -> str:
        if self._explanation is None:
            return "Type what to find" if self._picture is not None else "There is no picture yet: drop one on the page"
        result = self._explanation.result
        return (f"Found: {result.query.text}, confidence {result.confidence:.2f}" if result.found
                else f"Not found: {result.reason}")

    def _fail(self, message: str) -> None:
        self._error.text, self._error.visible = message, True


def _show_image(element: Any, source: str) -> None:
    element.props["src"] = source
    element.visible = bool(source)
    element.update()


def _jpeg(image: np.ndarray) -> str:
    """Return an image, uint8 RGB [H, W, 3], as a data URL of at most SHOWN_PIXELS on each side."""
    scale = min(1.0, SHOWN_PIXELS / max(image.shape[:2]))
    if scale < 1:
        size = [max(1, round(scale * side)) for side in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return _data_url("jpeg", content.tobytes())


def _data_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
