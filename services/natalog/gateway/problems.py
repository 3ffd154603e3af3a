"""Errors of the HTTP interface as RFC 9457 problem objects: `application/problem+json`.

A 4xx problem means that nothing was recorded. `detail` is a sentence for a person that says what is wrong and, with
`suggestion`, what to do; neither ever repeats a value that was sent, which might be personal. English sentences
stand where they arise, their Chinese in `chinese.py`.
"""

from __future__ import annotations

from typing import Final

import orjson
from starlette.responses import Response

from natalog.gateway.language import Language, in_language, one_of

MEDIA_TYPE: Final = "application/problem+json"

TITLES: Final[dict[str, tuple[str, str]]] = {
    "bad-request": ("The request is not one", "请求格式不符"),
    "bad-json": ("The body is not what this call takes", "请求内容格式不符"),
    "bad-field": ("A field cannot be taken", "字段不符合要求"),
    "citizen-id": ("A citizen ID stands where none may", "此处不得填写公民身份号码"),
    "malformed-number": ("The certificate number is malformed", "出生医学证明编号格式错误"),
    "bad-range": ("The range of numbers cannot be taken", "号段不符合要求"),
    "too-large": ("The request is too large", "请求过大"),
    "too-slow": ("The request did not come in time", "请求传送过慢"),
    "too-many": ("Too many requests", "请求过于频繁"),
    "wrong-media-type": ("The media type is not one this call takes", "内容类型不受支持"),
    "no-token": ("A bearer token is needed", "缺少访问令牌"),
    "bad-token": ("The bearer token is not accepted", "访问令牌无效"),
    "role": ("The caller's roles do not allow this call", "角色无权进行此操作"),
    "scope": ("The unit is outside the caller's organisation", "单位不在所属机构范围内"),
    "not-found": ("There is nothing here", "未找到"),
    "not-allowed": ("This address takes other methods", "该地址不支持此方法"),
    "busy": ("The queue is full", "队列已满"),
    "kafka-away": ("The ledger cannot be reached", "台账暂时无法访问"),
    "not-ready": ("The gateway is still starting", "网关正在启动"),
    "unknown-outcome": ("Part of it may not be recorded", "部分记录可能未写入"),
    "internal": ("The gateway failed", "网关故障"),
}
"""Every problem type, `urn:natalog:problem:` + its name, with its title in English and Chinese."""


class Problem(Exception):
    """A request, or one line of a stream, that is answered with a problem object.

    `detail` is an English sentence of the catalogue; `suggestion` one too, or a value to send instead.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        field: str | None = None,
        suggestion: str | None = None,
        event_id: str | None = None,
        line: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.field = field
        self.suggestion = suggestion
        self.event_id = event_id
        self.line = line
        """Of the body, from 1, where it is about one line of a stream."""
        self.retry_after = retry_after

    def body(self, language: Language = Language.BOTH) -> bytes:
        """The JSON object."""
        content: dict[str, object] = {
            "type": f"urn:natalog:problem:{self.kind}",
            "title": one_of(*TITLES[self.kind], language),
            "status": self.status,
            "detail": in_language(self.detail, language),
        }
        optional = {
            "field": self.field,
            "suggestion": None if self.suggestion is None else in_language(self.suggestion, language),
            "event_id": self.event_id,
            "line": self.line,
            "retry_after": self.retry_after,
        }
        content.update({k: v for k, v in optional.items() if v is not None})
        return orjson.dumps(content)

    def response(self, language: Language = Language.BOTH) -> Response:
        """The HTTP answer, with `Retry-After` or `WWW-Authenticate` where they belong."""
        headers = {"Content-Language": language.value, "Vary": "Accept-Language"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(self.body(language), self.status, headers, MEDIA_TYPE)
