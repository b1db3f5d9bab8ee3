"""What several test modules share."""

import ast
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from typer.testing import Result

Run = Callable[..., Result]
"""Runs `matte ARGS...`."""


def read(path: Path) -> np.ndarray:
    """A picture as OpenCV reads it, independent of our own reader, in RGB(A) order."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None, f"{path} is no picture"
    return picture if picture.ndim == 2 else picture[..., [2, 1, 0, 3][: picture.shape[2]]]


def messages_of(file: Path) -> list[str]:
    """The strings of a module but its docstrings and the command lines it holds."""
    tree = ast.parse(file.read_text())
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else node.elts if isinstance(node, ast.List) else []
        first = parts[0] if parts else None
        of_matte = isinstance(first, ast.Constant) and str(first.value).startswith("matte ")
        if of_matte or (isinstance(first, ast.Name) and first.id == "program"):
            left_out |= {id(part) for part in parts}
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in left_out]
    return [node.value for node in nodes if isinstance(node.value, str)]
