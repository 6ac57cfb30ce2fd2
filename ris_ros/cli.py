"""The command line, ``ris``. Heavy imports stand inside the commands, so that help comes at once."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ris_ros.config import Config, to_ros_yaml
from ris_ros.errors import InputError, RisError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
                  help="Find the object that an expression names: mask, box, points, pose; zero-shot.")
weights_app = typer.Typer(no_args_is_help=True, help="Checkpoints: what there is, what is here, and fetching them.")
sim_app = typer.Typer(no_args_is_help=True, help="The simulated tabletop: pictures of it, and data sets.")
eval_app = typer.Typer(no_args_is_help=True, help="Measure a configuration on a data set.")
app.add_typer(weights_app, name="weights")
app.add_typer(sim_app, name="sim")
app.add_typer(eval_app, name="eval")

out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True)

PictureFile = Annotated[Path, typer.Argument(metavar="IMAGE", help="Picture file.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file of settings; see `ris config`.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE, any setting of `ris config`; repeat.")]
Model = Annotated[str | None, typer.Option(help="CLIP model; the setting encoder.model.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N; the setting device.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Split = Annotated[str, typer.Option(help="train, validation, test or hard (colour-category pairs held out).")]
Scenes = Annotated[int, typer.Option(help="How many scenes.")]
PerKind = Annotated[int, typer.Option(help="Most expressions of each kind and scene; 0 for all.")]


def main() -> None:
    """Run the command line; an error is one line on stderr, with its traceback only after --debug."""
    try:
        app(prog_name="ris")
    except RisError as error:
        _fail(error, str(error), status=2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        _fail(error, f"unexpected {type(error).__name__}: {' '.join(str(error).split())}; "
                     "`ris --debug` with the same words shows where", status=1)


@app.callback()
def _common(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and all logs.")] = False) -> None:
    if not debug:
        warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="%(name)s: %(message)s")
    # Its own handler, because libraries replace the root logger's level and ours must be seen.
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("ris: %(message)s"))
    ours = logging.getLogger("ris_ros")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(logging.DEBUG if debug else logging.WARNING)
    logging.getLogger("huggingface_hub").setLevel(logging.DEBUG if debug else logging.CRITICAL)


@app.command()
def segment(image: PictureFile,
            text: Annotated[str, typer.Argument(metavar="TEXT", help="What to find: 'the red cup on the left'.")],
            as_json: Json = False,
            output: Annotated[Path | None, typer.Option(help="Write the overlay to this .png or .jpg.")] = None,
            model: Model = None, device: Device = None, config: ConfigFile = None, settings: Settings = None) -> None:
    """Find what TEXT names in IMAGE."""
    from ris_ros.images import read_image, write_image
    from ris_ros.report import box_to_list, result_to_dict
    from ris_ros.types import check_text

    check_text(text)
    chosen = _config(config, settings, model, device)
    pixels = read_image(image)
    with err.status("loading models"):
        from ris_ros.segmenter import ReferringSegmenter
        segmenter = ReferringSegmenter.from_config(chosen)
    with err.status("looking"):
        result = segmenter(pixels, text)
    if output is not None:
        from ris_ros.drawing import draw_result
        write_image(output, draw_result(pixels, result))
    if as_json:
        print(json.dumps(result_to_dict(result, mask=True)))
        return
    if not result.found:
        out.print(f"not found: {result.reason}")
        return
    table = Table("rank", "box", "score", *result.candidates[0].terms)
    for rank, candidate in enumerate(result.candidates, start=1):
        table.add_row(str(rank), str(box_to_list(candidate.box)), f"{candidate.score:.3f}",
                      *(f"{term:.3f}" for term in candidate.terms.values()))
    out.print(table)
    out.print(", ".join(f"{stage} {1000 * seconds:.0f} ms" for stage, seconds in result.timings.items()))
    if output is not None:
        out.print(f"overlay: {output}")


@app.command()
def parse(texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Expressions; - reads lines from stdin.")],
          config: ConfigFile = None, settings: Settings = None) -> None:
    """Show how expressions are understood, as JSON lines."""
    chosen = _config(config, settings)
    from ris_ros.language import ExpressionParser
    parser = ExpressionParser(chosen.language, chosen.method)
    refused = 0
    for text in (line.rstrip("\n") for line in sys.stdin) if texts == ["-"] else texts:
        try:
            query = parser.parse(text)
            answer = {"text": query.text, "target_phrase": query.target_phrase, "head": query.head}
        except InputError as error:
            refused += 1
            answer = {"text": text, "error": str(error)}
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    if refused:
        raise InputError(f"{refused} of the texts could not be understood; their lines say why")


@app.command()
def proposals(image: PictureFile, as_json: Json = False,
              output: Annotated[Path | None, typer.Option(help="Write a picture of all masks here.")] = None,
              device: Device = None, config: ConfigFile = None, settings: Settings = None) -> None:
    """Show the mask proposals of IMAGE."""
    from ris_ros.device import resolve_device
    from ris_ros.images import read_image, write_image
    from ris_ros.proposals import make_proposer
    from ris_ros.report import box_to_list, proposals_to_dict

    chosen = _config(config, settings, device=device)
    pixels = read_image(image)
    with err.status("proposing masks"):
        found = make_proposer(chosen.proposals, resolve_device(chosen.device))(pixels)
    if output is not None:
        from ris_ros.drawing import draw_proposals
        write_image(output, draw_proposals(pixels, found))
    if as_json:
        print(json.dumps(proposals_to_dict(found)))
        return
    table = Table("mask", "box", "pixels", "quality")
    for i, (mask, box, quality) in enumerate(zip(found.masks, found.boxes, found.quality, strict=True)):
        table.add_row(str(i), str(box_to_list(box)), str(mask.sum()), f"{quality:.2f}")
    out.print(table)
    if output is not None:
        out.print(f"picture: {output}")


@app.command()
def demo(images: Annotated[Path | None, typer.Option(help="Folder of pictures instead of the simulation.")] = None,
         commands: Annotated[list[str] | None, typer.Option("--command", help="What to ask; repeat.")] = None,
         output: Annotated[Path, typer.Option(help="Folder for the pictures and demo.json.")] = Path("output/demo"),
         seed: Annotated[int, typer.Option(help="Seed of the simulated scene.")] = 200_007,
         as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
         settings: Settings = None) -> None:
    """Run a camera, the real node and some commands over real topics; write a picture and a table."""
    from ris_ros.config import settings as leaves
    from ris_ros.demo import run_demo

    if images is not None and not commands:
        raise InputError("--images needs at least one --command to ask about them")
    pictures = _pictures(images) if images is not None else []
    chosen = _config(config, settings, model, device)
    with err.status("starting") as status:
        rows = run_demo(output, pictures=pictures, commands=commands or [], seed=seed,
                        parameters={leaf.name: leaf.value for leaf in leaves(chosen)}, progress=status.update)
    if as_json:
        print(json.dumps(rows))
        return
    table = Table("picture", "command", "found", "box", "score", "latency", "truth IoU")
    for row in rows:
        table.add_row(row["picture"], row["command"], "yes" if row["found"] else "no", str(row["box"] or ""),
                      f"{row['score']:.2f}", f"{1000 * row['latency']:.0f} ms",
                      f"{row['iou']:.2f}" if "iou" in row else "")
    out.print(table)
    for name in dict.fromkeys(row["picture"] for row in rows):
        out.print(f"picture: {output / f'{name}.png'}")


@app.command("config")
def config_(config: ConfigFile = None, settings: Settings = None) -> None:
    """Print every setting with its help, as a ROS 2 parameter file."""
    print(to_ros_yaml(_config(config, settings)), end="")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is installed, on which device, what is missing and how to get it."""
    from ris_ros.doctor import examine

    with err.status("examining"):
        findings = examine()
    if as_json:
        print(json.dumps([vars(finding) for finding in findings]))
    else:
        table = Table("", "part", "found", "remedy", box=None)
        for finding in findings:
            mark = "ok" if finding.ok else "missing" if finding.needed else "-"
            table.add_row(mark, finding.part, finding.found, "" if finding.ok else finding.remedy)
        out.print(table)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def bench(parts: Annotated[list[str] | None, typer.Argument(
              metavar="[PART...]", help="start, proposals, encoding, command; default: all.")] = None,
          image: Annotated[Path | None, typer.Option(help="Picture; default: a simulated tabletop.")] = None,
          models: Annotated[list[str] | None, typer.Option("--architecture", help="For encoding; repeat.")] = None,
          counts: Annotated[list[int] | None, typer.Option("--masks", help="For encoding; repeat.")] = None,
          as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
          settings: Settings = None) -> None:
    """Measure times, each beside the reference procedure's in the same run."""
    from ris_ros import bench
    from ris_ros.device import resolve_device
    from ris_ros.images import read_image
    from ris_ros.proposals import make_proposer

    names = ("start", "proposals", "encoding", "command")
    if unknown := set(parts or []) - set(names):
        raise InputError(f"no part {', '.join(unknown)}; there are {', '.join(names)}")
    chosen = _config(config, settings, model, device)
    where = resolve_device(chosen.device)
    picture = read_image(image) if image is not None else bench.example_image()

    def encoding() -> list[bench.Row]:
        masks = make_proposer(chosen.proposals, where)(picture).masks
        return bench.bench_encoding(picture, masks, where, models or ["ViT-B-32", "ViT-B-16"], counts or [16, 64, 128])

    benches = dict(zip(names, (
        bench.bench_start, lambda: bench.bench_proposals(picture, chosen), encoding,
        lambda: bench.bench_command(picture, chosen)), strict=True))
    report = {}
    for part in parts or benches:
        with err.status(f"measuring {part}"):
            report[part] = benches[part]()
    if as_json:
        print(json.dumps({"device": where, "parts": report}))
        return
    for part, rows in report.items():
        table = Table(*dict.fromkeys(name for row in rows for name in row), title=f"{part}, on {where}")
        for row in rows:
            table.add_row(*(_cell(row.get(column.header)) for column in table.columns))
        out.print(table)


@weights_app.command("list")
def weights_list(as_json: Json = False) -> None:
    """List the checkpoints known by name."""
    from ris_ros import weights

    rows = [{"name": name, "state": weights.state(name), "size": checkpoint.size, "licence": checkpoint.licence,
             "note": checkpoint.note} for name, checkpoint in weights.CHECKPOINTS.items()]
    if as_json:
        print(json.dumps(rows))
        return
    table = Table("name", "state", "MB", "licence", "note")
    for row in rows:
        table.add_row(row["name"], row["state"], f"{row['size'] / 1e6:.0f}", row["licence"], row["note"])
    out.print(table)
    out.print(f"in {weights.cache_dir()}; CLIP models by their open_clip names, such as ViT-B-16/openai")


@weights_app.command("fetch")
def weights_fetch(names: Annotated[list[str], typer.Argument(
        metavar="NAME...", help="Names of `ris weights list`, or of CLIP models: ViT-B-16/openai.")]) -> None:
    """Download checkpoints and check them."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from ris_ros import weights

    for name in names:
        if "/" in name:
            from ris_ros.config import EncoderConfig
            from ris_ros.encoding import load_encoder
            load_encoder(EncoderConfig(model=name), "cpu")  # open_clip shows its own progress
            out.print(f"{name}: in open_clip's cache, and it loads")
            continue
        with Progress("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=err) as bars:
            bar = bars.add_task(name, visible=False)
            folder = weights.fetch(name, lambda done, total, bar=bar: bars.update(
                bar, completed=done, total=total, visible=True))
        out.print(f"{name}: {folder}")


@weights_app.command("verify")
def weights_verify(names: Annotated[list[str] | None, typer.Argument(
        metavar="[NAME...]", help="Default: all that are here.")] = None) -> None:
    """Compare the sha256 of checkpoints with the published ones."""
    from ris_ros import weights

    for name in names or [name for name in weights.CHECKPOINTS if weights.state(name) != "absent"]:
        weights.verify(name)
        out.print(f"{name}: intact")


@sim_app.command("render")
def sim_render(output: Annotated[Path, typer.Argument(metavar="PICTURE", help="A .png or .jpg to write.")],
               seed: Annotated[int, typer.Option(help="The scene.")] = 200_000) -> None:
    """Write a picture of one simulated scene, and what can be said about it."""
    import numpy as np

    from ris_ros.images import write_image
    from ris_ros.sim.expressions import expressions
    from ris_ros.sim.render import Renderer
    from ris_ros.sim.tabletop import sample_scene

    scene = sample_scene(seed)
    with Renderer() as renderer:
        rendering = renderer.render(scene)
    write_image(output, rendering.image)
    table = Table("kind", "expression", "targets")
    for expression in expressions(scene, rendering, np.random.default_rng(seed), "test", 1):
        targets = [f"{scene.objects[i].colour} {scene.objects[i].category}" for i in expression.targets]
        table.add_row(expression.kind, expression.text, ", ".join(targets) or "none")
    out.print(table)


@sim_app.command("write")
def sim_write(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
              scenes: Scenes = 100, split: Split = "train",
              seed: Annotated[int, typer.Option(help="Number of the first scene within the split.")] = 0,
              per_kind: PerKind = 2) -> None:
    """Write pictures, depth, masks and referring expressions as a data set; docs/dataset.md tells the format."""
    from ris_ros.sim.writer import write_dataset

    counts = write_dataset(folder, split=split, scenes=scenes, start=seed, per_kind=per_kind or None, progress=True)
    out.print(f"{folder}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))


@eval_app.command("sim")
def eval_sim(scenes: Scenes = 50, split: Split = "test",
             seed: Annotated[int, typer.Option(help="Number of the first scene within the split.")] = 0,
             per_kind: PerKind = 2,
             proposals: Annotated[bool, typer.Option(help="Ask among the proposer's masks too, not only among the "
                                                          "true ones.")] = True,
             as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
             settings: Settings = None) -> None:
    """Render scenes no model was trained on, and measure the answers by kind of expression."""
    from ris_ros.evaluation.sim import evaluate
    from ris_ros.segmenter import ReferringSegmenter

    segmenter = ReferringSegmenter.from_config(_config(config, settings, model, device))
    report = evaluate(segmenter, split=split, scenes=scenes, start=seed, per_kind=per_kind or None,
                      proposals=proposals, progress=True)
    if as_json:
        print(json.dumps(report.to_dict()))
    else:
        out.print(report.table())


def _config(file: Path | None, settings: list[str] | None, model: str | None = None,
            device: str | None = None) -> Config:
    import yaml

    config = Config() if file is None else Config.from_yaml(file)
    changes: dict[str, Any] = {}
    for setting in settings or []:
        name, separator, value = setting.partition("=")
        if not separator:
            raise InputError(f"--set takes NAME=VALUE, not {setting!r}")
        changes[name] = yaml.safe_load(value)
    changes |= {"encoder.model": model} if model is not None else {}
    changes |= {"device": device} if device is not None else {}
    return config.replace(changes)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder of pictures")
    pictures = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"))
    if not pictures:
        raise InputError(f"no .png, .jpg or .webp file in {folder}")
    return pictures


def _fail(error: Exception, message: str, status: int) -> None:
    if "--debug" in sys.argv:
        raise error
    print(f"ris: {message}", file=sys.stderr)
    sys.exit(status)
