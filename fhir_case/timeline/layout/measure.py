"""
How wide text is, without a font: no narrower than the sans-serif fonts that a browser takes, so that labels stay apart.

Source: the advance widths of DejaVu Sans, the widest of the usual ones, in thousandths of the size.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

__all__ = ["is_cut", "text_width", "wrapped"]

_WIDTHS = {
    **dict.fromkeys("ijl'", 278), **dict.fromkeys(" .,·", 318), **dict.fromkeys(":;/\\|", 337),
    **dict.fromkeys("IJ", 295), **dict.fromkeys("ft!()[]-", 401), "r": 411, "s": 521, "z": 525, "c": 550, "k": 579,
    **dict.fromkeys("LF_?", 575),
    **dict.fromkeys("vxy", 592), **dict.fromkeys("aeo", 615), **dict.fromkeys("PTSYE", 640),
    **dict.fromkeys('"*“”', 520),
    **dict.fromkeys("bdghnpqu0123456789$", 636), **dict.fromkeys("ABCKRVXZ", 700), **dict.fromkeys("DGHNOQU&", 790),
    **dict.fromkeys("+=<>~^×≥≤±→#%", 950), "w": 818, "M": 863, "m": 974, "W": 989, "@": 1000, "…": 1000, "–": 500,
}  # fmt: skip
_OTHER, _WIDE, _LEAST_AVERAGE = 700, 1050, 0.6
_MOST_LINES = 12


@lru_cache(maxsize=20_000)
def text_width(text: str, size: float) -> float:
    """Return the width of a line of text; at least that of so many average letters."""
    units = sum(_WIDTHS.get(one) or _unusual(one) for one in text)
    return max(units / 1000, _LEAST_AVERAGE * len(text)) * size


def _unusual(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in ("W", "F") or ord(character) > 0xFFFF else _OTHER


def wrapped(text: str, width: float, size: float, *, most: int = _MOST_LINES) -> tuple[str, ...]:
    """
    Return a text as lines that are no wider; a word that is wider is divided.

    Args:
        most: How many lines there may be; where there are more, the last one ends with ``…``.
    """
    lines: list[str] = []
    line = ""
    words = text.split(" ")
    while words:
        word = words.pop(0)
        both = f"{line} {word}" if line else word
        if text_width(both, size) <= width:
            line = both
        elif line:
            lines.append(line)
            line = ""
            words.insert(0, word)
        else:
            fitting = _fitting(word, width, size)
            lines.append(word[:fitting])
            words[:0] = [word[fitting:]] if word[fitting:] else []
        if len(lines) > most:
            break
    lines += [line] if line else []
    if len(lines) > most:
        return (*lines[: most - 1], f"{lines[most - 1][: _fitting(lines[most - 1], width - size * 1.2, size)]}…")
    return tuple(lines)


def is_cut(lines: tuple[str, ...], text: str) -> bool:
    """Whether some lines end before the text does that they are of."""
    return bool(lines) and lines[-1].endswith("…") and not text.endswith(lines[-1])


def _fitting(word: str, width: float, size: float) -> int:
    """Return how many characters of a word fit into a line, at least one; after a hyphen where there is one."""
    fitting = 1
    while fitting < len(word) and text_width(word[: fitting + 1], size) <= width:
        fitting += 1
    hyphen = max(word.rfind(sign, 1, fitting) for sign in "-/,;")
    return hyphen + 1 if hyphen > 0 and fitting < len(word) else fitting
