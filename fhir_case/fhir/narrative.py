"""Bring two spellings of one narrative to the same text."""

from __future__ import annotations

import re
from html import unescape

__all__ = ["canonical_narrative"]

_NAMED_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)[A-Za-z][A-Za-z0-9]*;")
# Around the tags of these elements white space does not show.
_BLOCK_TAG = re.compile(
    r"""\s?(</?(?:address|blockquote|br|caption|col|colgroup|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|table|tbody|td|tfoot"""
    r"""|th|thead|tr|ul)(?:\s(?:[^<>"]|"[^<"]*")*)?>)\s?"""
)


def canonical_narrative(div: str) -> str:
    """
    Return XHTML in canonical XML, with white space only where it shows; a text that is not XML as it is.

    Source: https://www.w3.org/TR/xml-c14n2/, https://hl7.org/fhir/R4/narrative.html
    """
    from xml.etree.ElementTree import ParseError, canonicalize

    if "<!DOCTYPE" in div or "<!ENTITY" in div:  # FHIR allows neither, and entities can be made to explode
        return div
    try:
        canonical = canonicalize(_NAMED_ENTITY.sub(lambda found: unescape(found[0]), div))
    except (ParseError, UnicodeEncodeError):  # half a surrogate pair is no XML either
        return div
    if "<pre" in canonical:
        return canonical
    # Only these: a no-break space is meant.
    return _BLOCK_TAG.sub(r"\1", re.sub(r"[ \t\r\n]+|&#xD;", " ", canonical)).strip(" ")
