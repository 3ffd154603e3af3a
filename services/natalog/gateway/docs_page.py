"""/docs: the OpenAPI document as one page of plain HTML, without scripts and without anything from elsewhere.

Written by the server from the same document that machines read, so it works on a closed network and cannot differ.
"""

from __future__ import annotations

import json
from functools import cache
from html import escape
from typing import Any, Final

import orjson
from starlette.responses import Response

from natalog.gateway import openapi

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:0 auto;padding:1rem 1.5rem;color:#1c2530}
h1,h2{line-height:1.2}h2{margin-top:2.5rem;border-top:1px solid #d5dbe3;padding-top:1.2rem;font-size:1.2rem}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:#f4f6f9;padding:.7rem;overflow:auto;border-radius:4px}
table{border-collapse:collapse;width:100%;margin:.6rem 0}td,th{text-align:left;vertical-align:top;padding:.25rem .6rem
 .25rem 0;border-bottom:1px solid #e6eaf0}summary{cursor:pointer;padding:.15rem 0}
.m{background:#1f4e79;color:#fff;padding:.1rem .45rem;border-radius:3px;margin-right:.5rem}
@media(prefers-color-scheme:dark){body{background:#14181d;color:#dde3ea}pre{background:#1e242c}
h2,td,th{border-color:#333c47}a{color:#8ab8e8}}
"""


def response() -> Response:
    """The page."""
    return Response(
        _page(),
        media_type="text/html",
        headers={"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"},
    )


@cache
def _page() -> str:
    document = orjson.loads(openapi.document())
    info = document["info"]
    calls = [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    contents = "".join(
        f'<tr><td><a href="#{_anchor(call)}"><code>{escape(call)}</code></a></td><td>{escape(o["summary"])}</td></tr>'
        for call, o in calls
    )
    schemas = "".join(
        f'<h2 id="schema-{name}">{name}</h2>{_fields(schema)}'
        for name, schema in document["components"]["schemas"].items()
    )
    about = "".join(f"<p>{_marked(part)}</p>" for part in info["description"].split("\n\n"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>{about}"
        f'<p>For machines: <a href="openapi.json">openapi.json</a>. '
        f"Token: {_marked(document['components']['securitySchemes']['bearer']['description'])}</p>"
        f"<table>{contents}</table>{''.join(_call(call, o) for call, o in calls)}{schemas}</body></html>"
    )


def _call(call: str, operation: dict[str, Any]) -> str:
    method, path = call.split(" ")
    parts = [
        f'<h2 id="{_anchor(call)}"><code class="m">{method}</code><code>{escape(path)}</code></h2>',
        f"<p>{escape(operation['summary'])}</p><p>{_marked(operation.get('description', ''))}</p>",
    ]
    if parameters := operation.get("parameters"):
        rows = "".join(
            f"<tr><td><code>{escape(p['name'])}</code></td><td>{p['in']}</td><td>{_type(p['schema'])}</td>"
            f"<td>{_marked(p['description'])}</td></tr>"
            for p in parameters
        )
        parts.append(f"<table>{rows}</table>")
    if body := operation.get("requestBody"):
        parts.append(f"<p><b>Body.</b> {_marked(body['description'])} ")
        parts.append(
            " · ".join(f"<code>{m}</code> {_type(c['schema'])}" for m, c in body["content"].items()) + "</p>"
        )
        parts += [_examples(content, "Request") for content in body["content"].values()]
    for status, answer in sorted(operation["responses"].items()):
        types = {_type(c["schema"]) for c in answer["content"].values()}
        parts.append(f"<p><b>{status}</b> {_marked(answer['description'])} {', '.join(sorted(types))}</p>")
        parts += [_examples(content, status) for content in answer["content"].values()]
    return "".join(parts)


def _examples(content: dict[str, Any], label: str) -> str:
    return "".join(
        f"<details><summary><code>{label}</code> {escape(name)}: {escape(shown.get('summary', ''))}</summary>"
        f"<pre>{escape(_shown(shown['value']))}</pre></details>"
        for name, shown in content.get("examples", {}).items()
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def _fields(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else ' (optional)'}</td><td>{_type(inner)}</td>"
        f"<td>{_marked(inner.get('description', ''))}</td></tr>"
        for name, inner in schema.get("properties", {}).items()
    )
    return f"<p>{_marked(schema.get('description', ''))}</p><table>{rows}</table>"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(inner) for inner in schema["anyOf"])
    kind = schema.get("type", "")
    shown = escape(" or ".join(kind) if isinstance(kind, list) else kind)
    if schema.get("format"):
        shown += f" ({escape(schema['format'])})"
    if schema.get("enum"):
        shown += ": " + ", ".join(escape(str(value)) for value in schema["enum"] if value is not None)
    if schema.get("items"):
        shown += f" of {_type(schema['items'])}"
    return shown


def _anchor(call: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in call)


def _marked(text: str) -> str:
    """Text with `code` between backticks."""
    return "".join(
        f"<code>{escape(part)}</code>" if odd % 2 else escape(part)
        for odd, part in enumerate(text.split("`"))
    )
