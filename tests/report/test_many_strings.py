"""D2: 60 hostile strings in each of 9 fields of the report add no element, no attribute and no request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from report.pages import parse, skeleton
from report.samples import build
from report.test_escaping import HOSTILE

from labelsmooth import report

MORE = [
    "<img src=//example.org/x.png>",
    "<link rel=stylesheet href=//example.org>",
    "<style>@import url(//example.org)</style>",
    "<form action=//example.org><input name=x>",
    "<object data=x></object>",
    "<embed src=x>",
    "<video><source onerror=alert(1)></video>",
    "<details open ontoggle=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<xmp><script>alert(1)</script></xmp>",
    "<plaintext>",
    "<!doctype html><html>",
    "</main></body></html>",
    "<?xml version='1.0'?>",
    '<a href="data:text/html,<script>alert(1)</script>">',
    "javascript:alert(1)",
    "expression(alert(1))",
    "url('//example.org')",
    "\\u003cscript\\u003e",
    "&lt&#x3c;&LT;script",
    "&amp;amp;",
    "%3Cscript%3E",
    "\ufeffbom",
    "\u200bzero\u200dwidth",
    "👩‍👩‍👧 family",
    "{{ config }}{{ ''.__class__ }}",
    "${{ 7 * 7 }} #{7 * 7} <%= 7 * 7 %>",
]
STRINGS = HOSTILE + MORE


def _all(key: str) -> Callable[[dict[str, Any], str], None]:
    return lambda results, text: [row.update({key: text}) for row in results["failed"]] and None


def _methods(results: dict[str, Any], text: str) -> None:
    for place, row in enumerate(results["methods"]):
        row["method"] = f"{text} {place}"


FIELDS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "method": _methods,
    "data name": lambda results, text: results["data"].update(name=text),
    "classes": lambda results, text: results["data"].update(classes=[text] * 1000),
    "card": lambda results, text: results["data"].update(card={text: text, "licence": text}),
    "command": lambda results, text: results["run"].update(command=text),
    "sentence": lambda results, text: results["verdict"].update(sentence=text),
    "snippet": lambda results, text: results["verdict"].update(snippet=text),
    "failed trial": _all("trial"),
    "failed reason": _all("reason"),
}


def page(texts: dict[str, str]) -> str:
    results = build("smooth", failed=2)
    for name, put in FIELDS.items():
        put(results, texts[name])
    return report.render(results)


@pytest.fixture(scope="module")
def harmless() -> list[Any]:
    return skeleton(page(dict.fromkeys(FIELDS, "plain")))


def test_there_are_sixty_strings_and_nine_fields() -> None:
    assert len(set(STRINGS)) >= 60
    assert len(FIELDS) == 9


@pytest.mark.parametrize("first", range(len(STRINGS)))
def test_D2_no_string_in_any_field_changes_the_page(first: int, harmless: list[Any]) -> None:
    """Each page holds nine strings, one a field; over all pages every field meets every string."""
    texts = {name: STRINGS[(first + 7 * place) % len(STRINGS)] for place, name in enumerate(FIELDS)}
    shown = page(texts)
    assert skeleton(shown) == harmless
    links = [each.attributes.get(name) for each in parse(shown).all() for name in ("src", "href", "srcset", "action")]
    assert [link for link in links if link is not None and not link.startswith(("#", "data:,"))] == []
