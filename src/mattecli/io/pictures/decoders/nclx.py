"""The colours of a HEIF or AVIF file without a colour profile: code points of H.273 in its nclx box."""

_PLAIN_PRIMARIES, _PLAIN_TRANSFERS = (1, 2, 5, 6), (1, 2, 6, 8, 13, 14, 15)
_NAMES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_HDR = {16: "PQ", 18: "HLG"}


def nclx_note(data: bytes) -> tuple[str, ...]:
    """A note about colours that are not near sRGB, which are read as sRGB."""
    place = data.find(b"colrnclx")
    if place < 0:
        return ()
    primaries, transfer = (int.from_bytes(data[place + shift : place + shift + 2], "big") for shift in (8, 10))
    if transfer in _HDR:
        return (f"it is HDR ({_HDR[transfer]}), and it is taken as if it were sRGB",)
    if primaries not in _PLAIN_PRIMARIES or transfer not in _PLAIN_TRANSFERS:
        named = _NAMES.get(primaries, f"of code {primaries}")
        return (f"its primaries are {named} and it has no colour profile, so its colours are taken for sRGB",)
    return ()
