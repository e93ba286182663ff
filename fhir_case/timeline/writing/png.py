"""Write a picture as PNG, by an optional library that draws SVG."""

from __future__ import annotations

from fhir_case.errors import CheckerError

__all__ = ["png_of"]

_MOST_PIXELS = 20_000


def png_of(svg: str, *, height: float, zoom: float = 2.0) -> bytes:
    """
    Return a picture as PNG.

    Args:
        svg: The picture; dark only where its theme is: there is no screen to ask.
        height: How high it is, so that a very high one becomes no larger than a picture can be.
        zoom: How many pixels of PNG one of the picture is.

    Raises:
        CheckerError: The library is not installed, or cannot draw it.
    """
    try:
        import resvg_py
    except ImportError:
        hint = "pip install 'fhir-case[png]', or write SVG or HTML, which need nothing"
        raise CheckerError("PNG needs the library resvg-py, which is not installed", hint=hint) from None
    factor = min(zoom, _MOST_PIXELS / max(height, 1.0))
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=factor))
    except ValueError as error:
        raise CheckerError(f"the picture cannot be drawn as PNG: {error}", hint="write SVG or HTML") from None
