"""The ways in which a backdrop is brought to the size of what is laid over it."""

from mattecli.errors import UsageError

FITS = ("cover", "contain", "stretch")


def check_fit(fit: str) -> None:
    """UsageError for what is not a way to fit a backdrop."""
    if fit not in FITS:
        raise UsageError(f"'{fit}' is not a way to fit a backdrop; choose one of {', '.join(FITS)}")
