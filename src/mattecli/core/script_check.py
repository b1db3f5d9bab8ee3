"""Security check of TorchScript files: a model may compute, but not access files, the network or other programs. No torch here.

TorchScript is a program. Loading one runs its `__setstate__` methods, so archives with such methods, or with objects of compiled
extensions (torch.classes), are refused before they are loaded. Then every operator of the loaded graph is checked before it is run.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mattecli.errors import ModelError

NAMESPACES = ("aten", "prim", "torchvision")
REFUSED = {
    "aten::from_file": "maps a file into memory",
    "aten::save": "writes a file",
    "prim::Print": "writes to stdout",
    "prim::PythonOp": "calls Python",
    "prim::IgnoredPythonOp": "calls Python",
    "prim::rpc_async": "calls other machines",
    "prim::rpc_remote": "calls other machines",
    "prim::rpc_sync": "calls other machines",
    "prim::CallMethod": "calls what is known at run time only",
    "prim::CallFunction": "calls what is known at run time only",
}
EXTENSIONS = "torch.classes"
MOST_MEMBERS = 100_000
LARGEST_TEXT = 64 << 20
"""The most bytes of code, or of structure, in an archive; the largest of ours has 2 MB."""


def check_archive(path: Path) -> None:
    """ModelError for an archive whose loading would run code, or that unpacks to far more than its size."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        names = {member.filename.lower() for member in members}
        if len(members) > MOST_MEMBERS or len(names) < len(members) or not _is_plain(path, archive):
            raise ModelError(f"{path} is an irregular archive, so it is not loaded; export the model again")
        texts = [member for member in members if member.filename.endswith((".py", ".pkl", ".json")) or "/code/" in member.filename]
        if sum(member.file_size for member in members) > 4 * path.stat().st_size + LARGEST_TEXT:
            raise ModelError(f"{path} unpacks to far more than its size, so it is not loaded; export the model again")
        for member in texts:
            _check_text(path, archive, member)


def _is_plain(path: Path, archive: zipfile.ZipFile) -> bool:
    """Whether nothing precedes the archive or follows its directory, so that every zip reader finds the same members."""
    with path.open("rb") as stream:
        begin = stream.read(4)
        stream.seek(-22, 2)
        end = stream.read(22)
    first = min((member.header_offset for member in archive.infolist()), default=0)
    return begin == b"PK\x03\x04" and end[:4] == b"PK\x05\x06" and end[20:] == b"\0\0" and first == 0


def _check_text(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    if member.file_size > LARGEST_TEXT:
        raise ModelError(f"{path} unpacks to far more than its size, so it is not loaded; export the model again")
    text = archive.read(member).replace(b"\n", b".")  # type names in the pickle are two lines
    if EXTENSIONS.encode() in text:
        raise _refusal(path, "a compiled extension", "may do anything")
    if b"__setstate__" in text:
        raise _refusal(path, "__setstate__", "would run while it is loaded")


def check_graph(path: Path, graph: Any) -> None:
    """ModelError for an inlined graph with an operator that does more than compute."""
    for node in _nodes(graph):
        kind = node.kind()
        if kind in REFUSED:
            raise _refusal(path, kind, REFUSED[kind])
        if kind.split("::")[0] not in NAMESPACES:
            raise _refusal(path, kind, "is not among those that are known to compute alone")
        if any(EXTENSIONS in str(output.type()) for output in node.outputs()):
            raise _refusal(path, kind, "makes an object of a compiled extension")


def _nodes(block: Any) -> Iterator[Any]:
    """All nodes of a graph or block, including those in loops and branches."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _refusal(path: Path, operator: str, reason: str) -> ModelError:
    return ModelError(f"{path} is not run, for it is code that does more than compute: {operator} {reason}; use a model you trust")
