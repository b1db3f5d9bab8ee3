"""Names who took the photographs under CC BY that weights were trained on: the page docs/credits.md."""

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mattecli.errors import InputError

HEAD = """# Credits

Photographs under Creative Commons Attribution licences that the weights of this project were trained on, with the credit that goes with
each; [weights.md](weights.md) says which set was trained on them. They were scaled down and cropped. No photograph is part of the package.
Made by `python -m training credits`.
"""


def credits_page(people: Path) -> str:
    """The Markdown page of the photographs that sources.json in a folder lists as CC BY. Raises InputError where that cannot be read."""
    try:
        entries: Sequence[Mapping[str, Any]] = json.loads((people / "sources.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{people}/sources.json cannot be read ({error.strerror}); give the folder of photographs") from error
    under: dict[str, list[str]] = {}
    for entry in entries:
        if entry["licence"].startswith("CC BY "):
            under.setdefault(entry["licence"], []).append(_plain(entry["credit"]))
    return "\n".join([HEAD, *(_of_licence(licence, under[licence]) for licence in sorted(under))])


def _of_licence(licence: str, names: Sequence[str]) -> str:
    link = f"https://creativecommons.org/licenses/by/{licence.split()[-1]}/"
    counted = [f"- {name}{f' ({names.count(name)} photographs)' if names.count(name) > 1 else ''}" for name in dict.fromkeys(names)]
    return "\n".join([f"## [{licence}]({link})", "", *sorted(counted), ""])


def _plain(credit: str) -> str:
    """A credit without entities, markup and doubled spaces."""
    return re.sub(r"([\[\]<>])", r"\\\1", " ".join(html.unescape(credit).split()))
