"""How coarse mattes are refined."""

from mattecli.errors import UsageError

FAST, BEST = "fast", "best"
QUALITIES = FAST, BEST
"""In a small copy of the picture, or in the picture itself."""


def check_quality(quality: str) -> str:
    """One of QUALITIES; UsageError for anything else."""
    if quality not in QUALITIES:
        raise UsageError(f"quality {quality!r} is not known; choose {' or '.join(QUALITIES)}")
    return quality
