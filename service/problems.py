"""Errors as RFC 9457 problem documents that say what to do, in English and Chinese."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

DATA_EXCEPTION = "22"  # class of SQLSTATE: the value is at fault, such as NUL in a text


class Problem(Exception):
    """What is wrong with a request and what to do about it."""

    def __init__(self, status: int, code: str, detail: str, detail_zh: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status, self.code = status, code
        self.detail, self.detail_zh, self.extra = detail, detail_zh, extra


def unauthorized() -> Problem:
    """Return the answer to a request without a valid key."""
    return Problem(
        401,
        "unauthorized",
        "No valid key; send `Authorization: Bearer <key>`.",
        "缺少有效密钥，请发送 Authorization: Bearer <密钥>。",
    )


def forbidden(grant: str) -> Problem:
    """Return the answer to a key without the grant that a route needs."""
    return Problem(
        403,
        "forbidden",
        f"This key lacks the grant {grant}; ask the administrator for it.",
        f"该密钥没有 {grant} 权限，请联系管理员。",
    )


def not_found(what: str, what_zh: str) -> Problem:
    """Return the answer to a name that is not there, or not for this key."""
    return Problem(
        404,
        "not_found",
        f"There is no {what}, or this key may not see it; check its code.",
        f"没有{what_zh}，或该密钥无权查看；请核对编号。",
    )


def bad_parameter(name: str, why: str, why_zh: str) -> Problem:
    """Return the answer to a parameter that cannot be used."""
    return Problem(422, "bad_parameter", f"{name}: {why}", f"{name}：{why_zh}", parameter=name)


def install(app: FastAPI) -> None:
    """Let the application answer every error as a problem document."""

    @app.exception_handler(Problem)
    async def _problem(_request: Request, error: Problem) -> JSONResponse:
        return respond(error.status, error.code, error.detail, error.detail_zh, error.extra)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"where": ".".join(map(str, item["loc"])), "what": item["msg"]}
            for item in error.errors()
        ]
        first = errors[0]
        return respond(
            422,
            "invalid",
            f"{first['where']}: {first['what']}",
            f"{first['where']} 不合规定：{first['what']}",
            {"errors": jsonable_encoder(errors)},
        )

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        detail = str(error.detail)
        return respond(error.status_code, "http", detail, detail, {})

    @app.exception_handler(DBAPIError)
    async def _database(_request: Request, error: DBAPIError) -> JSONResponse:
        if error.connection_invalidated:
            return _busy()
        if str(getattr(error.orig, "sqlstate", "")).startswith(DATA_EXCEPTION):
            return respond(
                422,
                "bad_value",
                "A value in the request is not one that can be stored or compared; correct it.",
                "请求中有无法保存或比较的值，请更正。",
                {},
            )
        raise error

    @app.exception_handler(OSError)
    async def _lost(_request: Request, _error: OSError) -> JSONResponse:
        return _busy()


def respond(
    status: int, code: str, detail: str, detail_zh: str, extra: dict[str, Any]
) -> JSONResponse:
    """Return a problem document."""
    return JSONResponse(
        {
            "type": f"urn:qingyu:problem:{code}",
            "title": code.replace("_", " "),
            "status": status,
            "code": code,
            "detail": detail,
            "detail_zh": detail_zh,
            **extra,
        },
        status,
        media_type="application/problem+json",
    )


def _busy() -> JSONResponse:
    response = respond(
        503,
        "busy",
        "The database is away; try again in 5 s.",
        "数据库暂不可用，请 5 秒后重试。",
        {},
    )
    response.headers["Retry-After"] = "5"
    return response
