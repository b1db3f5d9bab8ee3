"""ICC profiles for tests."""

import struct

from PIL import ImageCms

# The primaries of Display P3 under D50, as the profile of that name has them.
PRIMARIES = {b"rXYZ": (0.5151, 0.2412, -0.0011), b"gXYZ": (0.2920, 0.6922, 0.0419), b"bXYZ": (0.1571, 0.0666, 0.7841)}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def display_p3() -> bytes:
    """sRGB's profile with the primaries of Display P3; its tone curve is sRGB's (ICC.1:2022, 7.3: a tag's name, offset and size)."""
    profile = bytearray(SRGB)
    (count,) = struct.unpack_from(">I", profile, 128)
    for place in range(132, 132 + 12 * count, 12):
        name, offset, _ = struct.unpack_from(">4sII", profile, place)
        if name in PRIMARIES:
            struct.pack_into(">3i", profile, offset + 8, *(round(part * 65536) for part in PRIMARIES[name]))
    return bytes(profile)


def damaged() -> bytes:
    """A profile that was overwritten behind its header."""
    return SRGB[:132] + bytes(len(SRGB) - 132)
