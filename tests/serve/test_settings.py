"""What a service may be set up as."""

from pathlib import Path

import pytest

from mattecli.errors import InputError, UsageError
from mattecli.serve.settings import Settings, check_origin, check_reach, is_loopback, parse_amount, read_token


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.org", False)],
)
def test_a_public_address_needs_a_token_or_no_token_flag(host: str, local: bool) -> None:
    assert is_loopback(host) == local
    if not local:
        with pytest.raises(UsageError, match="--token-file"):
            check_reach(Settings(host=host), no_token=False)
    check_reach(Settings(host=host, token="x" * 20), no_token=False)
    check_reach(Settings(host=host), no_token=True)


def test_a_token_is_stripped_and_must_not_be_short(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("  0123456789abcdef0123\n")
    assert read_token(str(file)) == "0123456789abcdef0123"
    for wrong in ("", "short", "with a space in its middle"):
        file.write_text(wrong)
        with pytest.raises(InputError, match="openssl rand"):
            read_token(str(file))
    with pytest.raises(InputError, match="there is no file"):
        read_token(str(tmp_path / "none"))


def test_the_token_is_not_in_the_repr_of_settings() -> None:
    assert "secret" not in repr(Settings(token="secret" * 4))


def test_amounts_take_unit_suffixes() -> None:
    assert [parse_amount(text, "--max-bytes") for text in ("50M", "1.5k", "800000")] == [50_000_000, 1_500, 800_000]
    for wrong in ("", "0", "-1", "5X", "many"):
        with pytest.raises(UsageError, match="--max-bytes"):
            parse_amount(wrong, "--max-bytes")


def test_an_origin_consists_of_scheme_and_host() -> None:
    assert check_origin("https://app.example:8443") == "https://app.example:8443"
    for wrong in ("*", "app.example", "https://app.example/", "ftp://x"):
        with pytest.raises(UsageError, match="--allow-origin"):
            check_origin(wrong)
