"""The import order of the package: what may import what, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Each line may import the lines above it and, within a package, itself.
LAYERS = (
    ("errors",),
    ("config", "utils"),
    ("types",),
    ("language", "proposals", "encoding", "detection", "geometry", "sim"),
    ("grounding",),
    ("calibration", "frames", "parsing"),
    ("stages",),
    ("segmenter",),
    ("questions", "serialization", "visualization"),
    ("tracking", "messages"),
    ("node", "recordings"),
    ("tools", "evaluation"),
    ("cli",),
)
# Stricter than the layers.
ONLY = {
    "utils": {"errors"},
    "sim": {"errors", "types", "utils"},
    "grounding": {"errors", "types", "utils", "geometry"},
}
ROS = {"rclpy", "rcl_interfaces", "tf2_ros"}
HEAVY = {"torch", "open_clip", "mujoco", "ray", "spacy", "onnxruntime", "cv2", "rclpy", "scipy", "transformers"}


def package_of(module: str) -> str:
    """Return the package or module directly below ris_ros that a dotted name belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "ris_ros"


def imports(file: Path, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = [file for file in sorted((ROOT / "ris_ros").rglob("*.py")) if file != ROOT / "ris_ros" / "__init__.py"]


def name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("file", FILES, ids=name)
def test_imports_go_down_only(file):
    rank = {member: level for level, layer in enumerate(LAYERS) for member in layer}
    own = package_of(name(file))
    for imported in imports(file):
        if not imported.startswith("ris_ros."):
            assert imported.split(".")[0] != "training", f"{name(file)} imports {imported}"
            continue
        other = package_of(imported)
        if other in (own, "__version__"):
            continue
        assert other in rank, f"{name(file)} imports {imported}, which has no place in LAYERS"
        assert rank[other] < rank[own], f"{name(file)} imports {imported}"
        assert other in ONLY.get(own, rank), f"{name(file)} imports {imported}"


def test_only_the_node_and_the_tools_import_ros():
    users = {package_of(name(file)) for file in FILES for imported in imports(file) if imported.split(".")[0] in ROS}
    assert users <= {"node", "tools", "evaluation"}


def test_modules_do_not_import_each_other_in_a_circle():
    modules = {name(file): file for file in FILES}

    def of(imported: str) -> str | None:
        return next((known for known in (imported, imported.rpartition(".")[0]) if known in modules), None)

    edges = {module: {of(imported) for imported in imports(file)} - {None, module} for module, file in modules.items()}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module):], module])
        if module in done:
            return
        for other in edges[module]:
            # A package's __init__ gathers its own modules.
            if not module.startswith(f"{other}."):
                visit(other, (*path, module))
        done.add(module)

    for module in modules:
        visit(module, ())


@pytest.mark.parametrize("file", [
    file for file in FILES if package_of(name(file)) in ("cli", "config", "errors")], ids=name)
def test_the_command_line_starts_without_heavy_imports(file):
    assert not {imported.split(".")[0] for imported in imports(file, top_level_only=True)} & HEAVY


def test_training_is_not_installed():
    assert not any(file.is_file() for file in (ROOT / "ris_ros").glob("training*"))
    assert (ROOT / "training").is_dir()


def test_no_file_that_is_read_can_run_code():
    """Checkpoints hold weights alone, arrays no objects, and pickles of data sets are read without their classes."""
    for file in [*(ROOT / "ris_ros").rglob("*.py"), *(ROOT / "training").rglob("*.py")]:
        for call in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            options = {option.arg: ast.unparse(option.value) for option in call.keywords}
            assert name not in ("pickle.load", "pickle.loads", "torch.jit.load", "yaml.load", "eval", "exec"), file
            assert name != "torch.load" or options.get("weights_only") == "True", file
            assert name != "np.load" or options.get("allow_pickle", "False") == "False", file
