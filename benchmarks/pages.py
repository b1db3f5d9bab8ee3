"""Pages of docs/ with tables that benchmarks make."""

from pathlib import Path

PAGE_OF_NUMBERS = Path(__file__).resolve().parents[1] / "docs/measured.md"


def with_tables(page: str, tables: dict[str, str]) -> str:
    """The page with the text between each pair of markers replaced."""
    for name, text in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        head, rest = page.split(begin, 1)
        page = f"{head}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}"
    return page
