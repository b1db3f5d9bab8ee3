"""The ways to fit a backdrop to the size of the picture over it."""

from mattecli.errors import UsageError

FITS = ("cover", "contain", "stretch")


def check_fit(fit: str) -> None:
    """UsageError for an unknown way to fit a backdrop."""
    if fit not in FITS:
        raise UsageError(f"'{fit}' is not a way to fit a backdrop; choose one of {', '.join(FITS)}")
