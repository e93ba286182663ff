"""Changes of bytes as a fuzzer makes them, the same for the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["mutated"]

# What readers stumble over: numbers beyond all types, half a surrogate pair, control characters, nesting, no values.
ODD = (
    *(b"null", b"[]", b"{}", b'""', b"-0", b"1e99999999999999999999", b"9" * 5_000, b"true", b"[" * 2_000),
    *(
        b'"\\ud800"',
        b"\x00",
        b"\x1b[31m",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\r\n\r\n",
        b"../../",
        b"&a *a",
        b"NaN",
        b'"\\u0000"',
    ),
)


def mutated(data: bytes, random: Random) -> bytes:
    """Return a text with some changes."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        at = random.randrange(len(changed) + 1)
        end = min(len(changed), at + random.choice((1, 1, 4, 16, 64)))
        kind = random.randrange(6)
        if kind == 0:
            changed[at:end] = random.choice(ODD)
        elif kind == 1:
            changed[at:end] = b""
        elif kind == 2:
            changed[at:at] = changed[at:end] * random.choice((1, 2, 50))
        elif kind == 3 and at < len(changed):
            changed[at] ^= 1 << random.randrange(8)
        elif kind == 4:
            changed = _value_replaced(changed, random)
        else:
            other = random.randrange(len(changed) + 1)
            changed[at:end] = changed[other : other + end - at]
    return bytes(changed)


def _value_replaced(data: bytearray, random: Random) -> bytearray:
    """Return JSON or the like with another value after a colon or an equals sign."""
    places = [at for at, sign in enumerate(data) if sign in b":="]
    if not places:
        return data
    at = random.choice(places) + 1
    end = next((to for to in range(at, len(data)) if data[to] in b",}\n"), len(data))
    return data[:at] + bytearray(b" " + random.choice(ODD)) + data[end:]
