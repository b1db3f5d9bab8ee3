"""Which models there are. No torch."""

from dataclasses import dataclass

from mattecli.core.registry import registry
from mattecli.core.store import is_installed


@dataclass(frozen=True)
class ModelEntry:
    """A model of the registry: what it needs beside the image, and whether its weights are here; bytes of its files, None if unknown."""

    name: str
    summary: str
    guides: tuple[str, ...]
    licence: str
    paper: str
    installed: bool
    bytes: int | None


def models() -> tuple[ModelEntry, ...]:
    """All models of the registry, in its order."""
    return tuple(
        ModelEntry(
            spec.name,
            spec.summary,
            spec.guides,
            spec.licence,
            spec.paper,
            installed=is_installed(spec),
            bytes=None if any(file.bytes is None for file in spec.files) else sum(file.bytes or 0 for file in spec.files),
        )
        for spec in registry().models.values()
    )
