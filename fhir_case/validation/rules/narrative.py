"""The rule about narrative: well-formed XHTML of the allowed elements that runs nothing and loads nothing."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from fhir_case.fhir.wire import objects
from fhir_case.validation.check import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["NARRATIVE_RULES", "needs_no_parser", "problems"]

_SOURCE = "https://hl7.org/fhir/R4/narrative.html#xhtml"
_XHTML = "http://www.w3.org/1999/xhtml"
# The elements and attributes of the XPath of txt-1 (StructureDefinition Narrative), and xml:lang, which is lang in XML.
# fmt: off
_ELEMENTS = frozenset({
    "a", "abbr", "acronym", "b", "big", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "dfn",
    "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "q", "samp",
    "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "ul", "var",
})
_ATTRIBUTES = frozenset({
    "abbr", "accesskey", "align", "alt", "axis", "bgcolor", "border", "cellhalign", "cellpadding", "cellspacing",
    "cellvalign", "char", "charoff", "charset", "cite", "class", "colspan", "compact", "coords", "dir", "frame",
    "headers", "height", "href", "hreflang", "hspace", "id", "lang", "longdesc", "name", "nowrap", "rel", "rev",
    "rowspan", "rules", "scope", "shape", "span", "src", "start", "style", "summary", "tabindex", "title", "type",
    "valign", "value", "vspace", "width", "http://www.w3.org/XML/1998/namespace lang",
})
# fmt: on
_SAFE = frozenset(f"{_XHTML} {name}" for name in _ELEMENTS)
# Text and paragraphs, which most generated narratives are, need no parser, which takes three times as long. Characters
# that XML does not allow, or only in some places, are left to the parser.
_TEXT = r"[^<>&\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]*"
_PLAIN = re.compile(
    rf'<div xmlns="{re.escape(_XHTML)}">{_TEXT}(?:<(?:(p|b|i|h[1-6])>{_TEXT}</\1|br ?/)>{_TEXT})*</div>'
)
_SOMETHING = re.compile(r">\s*[^<\s]")
# Of styles as `_plain_css` returns them.
_LOADS = re.compile(r"url\(['\"]?(?:\w+:)?//|expression\(|@import", re.IGNORECASE)
_RUNS = re.compile(r"javascript|vbscript|data:text/html", re.IGNORECASE)
_WHITE = re.compile(r"[\x00-\x20]+")
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})[ \t\r\n\f]?|(.))", re.DOTALL)


def _unless_text(subject: Subject) -> str:
    found = any("text" in located.resource for located in subject.resources) or "Composition" in subject.by_type
    return "" if found else "there is no narrative"


@rule(
    "narrative",
    "Narrative is well-formed XHTML that runs nothing and loads nothing (txt-1, txt-2).",
    _SOURCE,
    _unless_text,
)
def _narrative(subject: Subject) -> Iterator[Finding]:
    for located in subject.resources:
        for text in _texts(located):
            div = text.get("div")
            if isinstance(div, str) and not needs_no_parser(div):
                for message in dict.fromkeys(problems(div)):
                    yield Finding(located, message, node=text, tail=".div")


def _texts(located: Located) -> list[dict[str, Any]]:
    """Return the narrative of a resource, and of a Composition those of its sections."""
    nodes: list[Any] = [located.resource]
    if located.type == "Composition":
        for node in nodes:  # the list grows meanwhile
            nodes += objects(node.get("section"))
    return objects([node.get("text") for node in nodes])


def needs_no_parser(div: str) -> bool:
    """Whether narrative is plain paragraphs with some text, which are right."""
    return _PLAIN.fullmatch(div) is not None and _SOMETHING.search(div) is not None


def problems(div: str) -> list[str]:
    """Return what is wrong with a narrative."""
    found: list[str] = []
    content: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if content and not attributes and name in _SAFE:
            return
        found.extend(_misplaced(name, outermost=not content))
        content.append("img" if name.endswith(" img") else " ")
        found.extend(_unsafe(name.rpartition(" ")[2], attributes))

    def refuse(*_: object) -> None:
        raise ValueError("a document type or an entity is not allowed")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.CharacterDataHandler = content.append
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(div, True)
    except expat.ExpatError as error:
        return [f"this is not well-formed XHTML: {error}"]
    except ValueError as error:
        return [str(error)]
    if not "".join(content).strip():
        found.append("there is no text in it")
    return found


def _misplaced(name: str, *, outermost: bool) -> Iterator[str]:
    space, _, local = name.rpartition(" ")
    if outermost and (local != "div" or space != _XHTML):
        yield f'the outermost element is <div xmlns="{_XHTML}">'
    elif space != _XHTML:
        yield f"<{local}> is not in the namespace of XHTML"
    elif local not in _ELEMENTS:
        yield f"<{local}> is not allowed in a narrative"


def _unsafe(local: str, attributes: dict[str, str]) -> Iterator[str]:
    for name, value in attributes.items():
        if name.lower().startswith("on") or (name in ("href", "src") and _RUNS.match(_WHITE.sub("", value))):
            yield f"<{local} {name}> would run a script"
        elif name not in _ATTRIBUTES:
            yield f"the attribute {name.rpartition(' ')[2]} of <{local}> is not allowed in a narrative"
        elif name == "style" and _LOADS.search(_plain_css(value)):
            yield f"the style of <{local}> loads something from elsewhere"


def _plain_css(style: str) -> str:
    """
    Return a style as a browser reads it, without white space: comments are left out, escapes are the sign they mean.

    Source: https://www.w3.org/TR/css-syntax-3/#consume-escaped-code-point
    """
    without_comments = _COMMENT.sub("", style)
    return _WHITE.sub("", _ESCAPE.sub(lambda escape: _sign(escape[1]) if escape[1] else escape[2], without_comments))


def _sign(number: str) -> str:
    return chr(int(number, 16)) if int(number, 16) <= sys.maxunicode else "\ufffd"


NARRATIVE_RULES = (_narrative,)
