"""The list of models. No torch."""

from dataclasses import dataclass

from mattecli.core.registry import registry
from mattecli.core.store import is_installed, is_runnable


@dataclass(frozen=True)
class ModelEntry:
    """A model of the registry: the guides it needs besides the image; the size of its published files in bytes, None if unknown.

    installed: whether its published files are here; runs_offline: whether they are, or weights of this project's are.
    """

    name: str
    summary: str
    guides: tuple[str, ...]
    licence: str
    paper: str
    installed: bool
    runs_offline: bool
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
            runs_offline=is_runnable(spec),
            bytes=None if any(file.bytes is None for file in spec.files) else sum(file.bytes or 0 for file in spec.files),
        )
        for spec in registry().models.values()
    )
