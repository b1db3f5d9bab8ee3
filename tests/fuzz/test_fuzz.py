"""A short run of the fuzzing targets with hypothesis; run.py is the long one."""

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds, survives

NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([1e308, -1e308, 10**400, 2**63, 0, -1]))
WORDS = st.one_of(st.text(max_size=20), st.sampled_from(["longest", "side", "\x1b[2J", "a.png", "x" * 2000, "-", "\0", "../a"]))
VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)
QUICK = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_raise_matte_errors_only(name: str) -> None:
    dice = random.Random(0)
    for _ in range(300):
        survives(TARGETS[name], _damaged(dice.choice(seeds(name)), dice))


@pytest.mark.parametrize("name", ["strokes", "manifest", "metadata"])
@seed(1)
@QUICK
@given(value=VALUES, place=st.integers(0, 30))
def test_any_json_value_is_accepted_or_refused(name: str, value: Any, place: int) -> None:
    prefix = b"j" if name == "manifest" else b""
    sound = json.loads(seeds(name)[0].removeprefix(prefix))
    key = list(sound)[place % len(sound)]
    for changed in (sound | {key: value}, sound | {str(value)[:30]: value}, value):
        survives(TARGETS[name], prefix + json.dumps(changed).encode())


def _damaged(data: bytes, dice: random.Random) -> bytes:
    """The bytes with some changed, taken away, doubled or cut off."""
    content = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at, count = dice.randrange(len(content) + 1), dice.randint(0, 12)
        match dice.randrange(4):
            case 0:
                content[at : at + count] = dice.randbytes(count)
            case 1:
                del content[at : at + count]
            case 2:
                content[at:at] = content[at : at + count * 4]
            case _:
                content[at : at + 1] = dice.choice([b"\x00", b"\xff", b"9" * 30, b"[" * 30, b"-", b"e9999", b'"', b"\n"])
    return bytes(content)
