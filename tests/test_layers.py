"""The architecture, read from the imports themselves."""

import ast
from pathlib import Path

import pytest

import mattecli

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "mattecli"

MAY_IMPORT = {
    "errors": set(),
    "cli": {"cli", "door", "serve", "requests", "pipelines", "guides", "compositing", "evaluation", "bench", "html", "core", "errors"},
    "door": {"door", "requests", "pipelines", "guides", "compositing", "core", "matting", "io", "errors"},
    "pipelines": {"pipelines", "requests", "guides", "compositing", "core", "matting", "io", "errors"},
    "serve": {"serve", "door", "requests", "io", "errors"},
    "batch": {"batch", "requests", "core", "io", "errors"},
    "bench": {"bench", "pipelines", "guides", "compositing", "requests", "html", "core", "io", "errors"},
    "evaluation": {"evaluation", "requests", "html", "matting", "io", "errors"},
    "guides": {"guides", "requests", "compositing", "core", "matting", "io", "errors"},
    "compositing": {"compositing", "requests", "core", "matting", "io", "errors"},
    "requests": {"requests", "matting", "io", "errors"},
    "html": {"html", "io", "errors"},
    "core": {"core", "errors"},  # nets are imported by name
    "nets": {"nets", "errors"},
    "matting": {"matting", "errors"},
    "io": {"io", "errors"},
}
# The command line reads and writes the one picture of `compare`, and `doctor` looks at everything. The cache writes files whole as all do.
EXCEPTIONS = {("core/export.py", "io"), ("core/store.py", "io"), ("cli/verbs/compare.py", "io"), ("cli/verbs/doctor.py", "io")}


def _imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _layers(file: Path) -> set[str]:
    parts = [name.split(".") for name in _imports(file)]
    names = {part[1] for part in parts if part[0] == "mattecli" and len(part) > 1 and not part[1].startswith("__")}
    return {"door" if name in mattecli.__all__ else name for name in names}


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_the_table_allows(layer: str) -> None:
    files = [PACKAGE / "errors.py"] if layer == "errors" else sorted((PACKAGE / layer).rglob("*.py"))
    assert files
    for file in files:
        name = file.relative_to(PACKAGE).as_posix()
        allowed = MAY_IMPORT[layer] | {target for source, target in EXCEPTIONS if source == name}
        assert _layers(file) <= allowed, name


@pytest.mark.parametrize(
    ("package", "home"),
    [
        ("torch.jit", "core/export.py"),
        ("PIL.Image", ("io/images.py", "io/icc.py", "io/pictures/", "door/matte.py", "cli/process.py")),
        ("typer", "cli"),
        ("rich", "cli"),
        ("cv2", ("io", "matting", "compositing", "evaluation", "html", "cli/verbs/doctor")),
        ("av", "io"),
        ("starlette", "serve"),
        ("uvicorn", "serve"),
    ],
)
def test_each_library_is_known_in_one_place(package: str, home: str | tuple[str, ...]) -> None:
    for file in PACKAGE.rglob("*.py"):
        name = file.relative_to(PACKAGE).as_posix()
        uses = any(imported == package or imported.startswith(package + ".") for imported in _imports(file))
        calls = package == "torch.jit" and "torch.jit." in "\n".join(line.split("#")[0] for line in file.read_text().splitlines())
        assert not (uses or calls) or name.startswith(home), f"{name} uses {package}"


def test_every_folder_stands_in_the_table() -> None:
    folders = {file.relative_to(PACKAGE).parts[0] for file in PACKAGE.glob("*/*.py")}
    assert folders == set(MAY_IMPORT) - {"errors"}


def test_no_folder_holds_more_than_sixteen_modules() -> None:
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    crowded = {folder.relative_to(PACKAGE).as_posix(): count for folder in folders if (count := len({*folder.glob("*.py")}) - 1) > 16}
    assert not crowded
