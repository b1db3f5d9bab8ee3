"""The architecture, read from the sources themselves; docs/architecture.md states it."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import mattecli
from tests.support import messages_of

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "mattecli"
MODULES = [file.relative_to(PACKAGE) for file in sorted(PACKAGE.rglob("*.py")) if not file.name.startswith("__")]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
MOST_MODULES, MOST_PARAMETERS, LONG = 16, 8, 250
# The verbs' modules: what one command does. The application, the tests and nothing else imports them.
VERBS = "mattecli.cli.verbs."
# A network by its name in models.toml; a verb by its name on the command line.
IMPORTING_BY_NAME = ("core/export.py", "cli/app.py")

MAY_IMPORT = {
    "errors": set(),
    "cli": {
        "cli",
        "batch",
        "door",
        "serve",
        "requests",
        "pipelines",
        "guides",
        "compositing",
        "evaluation",
        "bench",
        "html",
        "core",
        "errors",
    },
    "door": {"door", "requests", "pipelines", "guides", "compositing", "core", "matting", "io", "errors"},
    "pipelines": {"pipelines", "requests", "guides", "compositing", "core", "matting", "io", "errors"},
    "serve": {"serve", "door", "pipelines", "requests", "io", "errors"},
    "batch": {"batch", "door", "requests", "core", "io", "errors"},
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
# The command line reads and writes the one picture of `compare`, and `doctor` looks at everything. The cache writes files whole as all do;
# a process that is ended by force removes its half-written ones.
EXCEPTIONS = {
    ("batch/processes/opening.py", "cli"),
    ("batch/processes/preload.py", "cli"),
    ("cli/signals.py", "io"),
    ("core/export.py", "io"),
    ("core/store.py", "io"),
    ("cli/verbs/compare.py", "io"),
    ("cli/verbs/doctor.py", "io"),
}


def _imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _layers(file: Path) -> set[str]:
    """The layers that a file imports; the package itself, and the names it exports, are the door."""
    parts = [name.split(".") for name in _imports(file) if name.split(".")[0] == "mattecli"]
    names = {part[1] if len(part) > 1 else "door" for part in parts if len(part) == 1 or not part[1].startswith("__")}
    return {"door" if name in mattecli.__all__ else name for name in names}


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_the_table_allows(layer: str) -> None:
    files = [PACKAGE / "errors.py"] if layer == "errors" else sorted((PACKAGE / layer).rglob("*.py"))
    assert files
    for file in files:
        name = file.relative_to(PACKAGE).as_posix()
        allowed = MAY_IMPORT[layer] | {target for source, target in EXCEPTIONS if source == name}
        assert _layers(file) <= allowed, name


def test_every_exception_is_needed() -> None:
    unused = [(source, target) for source, target in EXCEPTIONS if target not in _layers(PACKAGE / source)]
    assert not unused, "remove these from EXCEPTIONS"


def test_imports_are_absolute_and_dynamic_only_where_the_layers_allow_it() -> None:
    for module in MODULES:
        for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{module} has a relative import, which the table does not see"
            by_name = isinstance(node, ast.Attribute | ast.Name) and "import_module" in ast.unparse(node)
            assert not by_name or module.as_posix() in IMPORTING_BY_NAME, f"{module} imports by name, which the table does not see"


@pytest.mark.parametrize(
    ("package", "home"),
    [
        ("torch.jit", "core/torchscript.py"),
        ("PIL.Image", ("io/images.py", "io/icc.py", "io/pictures/", "door/matte.py", "cli/process.py")),
        ("typer", "cli"),
        ("rich", "cli"),
        ("cv2", ("io", "matting", "compositing", "evaluation", "html", "cli/verbs/doctor")),
        ("av", "io"),
        ("starlette", "serve"),
        ("uvicorn", "serve"),
    ],
)
def test_each_library_is_imported_in_one_place(package: str, home: str | tuple[str, ...]) -> None:
    for file in PACKAGE.rglob("*.py"):
        name = file.relative_to(PACKAGE).as_posix()
        uses = any(imported == package or imported.startswith(package + ".") for imported in _imports(file))
        calls = package == "torch.jit" and "torch.jit." in "\n".join(line.split("#")[0] for line in file.read_text().splitlines())
        assert not (uses or calls) or name.startswith(home), f"{name} uses {package}"


def test_every_folder_is_in_the_table_and_in_the_architecture() -> None:
    assert {module.parts[0] for module in MODULES if len(module.parts) > 1} == set(MAY_IMPORT) - {"errors"}
    rooms = ARCHITECTURE.read_text().split("## Rooms")[1].split("\n## ")[0]
    named = {folder.rstrip("/") for row in re.findall(r"^\| (`[^|]+) \|", rooms, re.MULTILINE) for folder in re.findall(r"`([^`]+/)`", row)}
    assert named == {module.parent.as_posix() for module in MODULES if len(module.parts) > 1} | {"weights"}


def test_no_folder_holds_more_than_sixteen_modules() -> None:
    counts = Counter(module.parent.as_posix() for module in MODULES)
    # A network is one file of nets/, so that folder grows with them.
    assert not {folder: count for folder, count in counts.items() if count > MOST_MODULES and folder != "nets"}


def test_long_files_are_listed_with_a_reason() -> None:
    reasons = ARCHITECTURE.read_text().split("## Files over 250 lines")[1].split("\n## ")[0]
    paths = [*PACKAGE.rglob("*.py"), *(ROOT / "training").rglob("*.py")]
    long = {path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).as_posix() for path in paths if _lines(path) > LONG}
    assert not long - set(re.findall(r"`([^`]+\.py)`", reasons))


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_function_takes_more_than_eight_parameters() -> None:
    crowded = []
    for module in MODULES:
        if module.parts[0] == "cli":
            continue
        for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                count = len(given) - (given[:1] in (["self"], ["cls"]))
                crowded += [f"{module}: {node.name} takes {count}"] if count > MOST_PARAMETERS else []
    assert not crowded


def test_no_module_imports_a_verb() -> None:
    importing = {module.as_posix() for module in MODULES for name in _imports(PACKAGE / module) if f"{name}.".startswith(VERBS)}
    assert not importing


def test_messages_that_python_reads_name_settings_and_no_flags() -> None:
    naming = []
    for module in MODULES:
        if module.parts[0] not in ("cli", "serve", "batch", "bench", "evaluation", "html"):
            naming += [f"{module}: {text}" for text in messages_of(PACKAGE / module) if re.search(r"(?<![\w-])--[a-z]", text)]
    assert not naming, "name settings in backticks, as in `max_memory`; the command line shows its flags for them"


def test_every_module_has_a_test_of_its_name_or_a_line_in_the_architecture() -> None:
    listed: dict[str, list[str]] = {}
    for modules, tests in re.findall(r"^\| (`[^|]+\.py`) \| (`tests[^|]+) \|$", ARCHITECTURE.read_text(), re.MULTILINE):
        for module in re.findall(r"`([^`]+)`", modules):
            listed[module] = re.findall(r"`([^`]+)`", tests)
    for module in MODULES:
        own = ROOT / "tests" / module.parent / f"test_{module.name}"
        if not own.exists():
            assert module.as_posix() in listed, f"write {own.relative_to(ROOT)}, or say in docs/architecture.md which test covers {module}"
    lost = {test for tests in listed.values() for test in tests if not (ROOT / test).exists()}
    assert not lost, "docs/architecture.md names tests that are not there"
    gone = [module for module in listed if not (PACKAGE / module).exists()]
    assert not gone, "docs/architecture.md names modules that are not there"
