"""What HTTP senders are told where nothing was taken: RFC 9457, in English and Chinese."""

import math
from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.responses import Response

from ingest.errors import Reason, Rejected
from ingest.limits import Excess, Limit

RETRY_AFTER_S = 5
STATUS = {
    Reason.NOT_OWNER: 403,
    Reason.TOO_LARGE: 413,
    Reason.TOO_MANY: 413,
    Reason.BAD_ENCODING: 415,
    Reason.BAD_TYPE: 415,
    Reason.NOT_STORABLE: 422,
}
UNITS_ZH = {Limit.READINGS: "条", Limit.BYTES: "字节"}


def unauthorized() -> Response:
    """Return the answer to a request without a key that is good."""
    return problem(
        401,
        "unauthorized",
        "The Authorization header holds no valid key; send `Authorization: Bearer <key>`.",
        "缺少有效密钥，请发送 Authorization: Bearer <密钥>。",
    )


def busy() -> Response:
    """Return the answer while the store cannot take readings."""
    return problem(
        503,
        "busy",
        f"Readings cannot be taken now; send them again in {RETRY_AFTER_S} s. Nothing is lost.",
        f"暂不能接收，请 {RETRY_AFTER_S} 秒后重发，数据未丢失。",
        retry_after_s=RETRY_AFTER_S,
    )


def refused(rejected: Rejected) -> Response:
    """Return the answer to a document that is refused as a whole."""
    status = STATUS.get(rejected.reason, 400)
    return problem(status, rejected.reason, rejected.detail, rejected.detail_zh)


def too_much(excess: Excess, now: datetime) -> Response:
    """Return the answer to a sender beyond its limits: which one, what is left, until when."""
    wait_s = max(1, math.ceil(excess.wait_s))
    limit, bucket = excess.limit, excess.buckets[excess.limit]
    left, retry_at = excess.left[limit], (now + timedelta(seconds=wait_s)).isoformat("T", "seconds")
    return problem(
        429,
        "too_much",
        f"This key's limit of {limit}, {bucket.rate:,.0f} a second and {bucket.burst:,.0f} at once,"
        f" is met; {left:,.0f} are left. Nothing of this was kept: send it again in {wait_s} s"
        f" ({retry_at}).",
        f"该密钥上送过快：限每秒 {bucket.rate:,.0f} {UNITS_ZH[limit]}、一次性 {bucket.burst:,.0f}"
        f" {UNITS_ZH[limit]}，余 {left:,.0f}。本次未保存，请 {wait_s} 秒后（{retry_at}）重发。",
        retry_after_s=wait_s,
        limit=limit,
        retry_at=retry_at,
        limits={
            name: {"per_second": each.rate, "at_once": each.burst, "left": excess.left[name]}
            for name, each in excess.buckets.items()
        },
    )


def problem(
    status: int,
    code: str,
    detail: str,
    detail_zh: str,
    *,
    retry_after_s: int | None = None,
    **more: Any,
) -> Response:
    """Return a problem document that says what to do."""
    document = {
        "type": f"urn:qingyu:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
        "detail_zh": detail_zh,
        **more,
    }
    return Response(
        msgspec.json.encode(document),
        status_code=status,
        media_type="application/problem+json",
        headers=None if retry_after_s is None else {"Retry-After": str(retry_after_s)},
    )
