"""What goes wrong, in the form in which OpenAI's servers say it, so that every client raises its own exception."""

from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse


class ApiError(Exception):
    """A status and a sentence; `param` is the field it is about, `code` a word for programs."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code
        self.headers: dict[str, str] = {}

    @property
    def body(self) -> dict[str, Any]:
        """The error object."""
        kinds = {404: "not_found_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
        kind = kinds.get(self.status, "invalid_request_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """As an answer."""
        return JSONResponse(self.body, self.status, headers=self.headers)


def of_validation(error: ValidationError) -> ApiError:
    """The first thing that is wrong with a request."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return ApiError(400, "the body of the request is not JSON")
    names = [str(part) for part in first["loc"]]
    param = names[0] if names else None
    where = ".".join(name for name in names if "[" not in name and name not in ("str", "int", "bool", "float"))
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"there is no argument {where} here", param=param, code="unknown_parameter")
    if first["type"] == "missing":
        return ApiError(400, f"the argument {where} is missing", param=param, code="missing_required_parameter")
    said = first["msg"].removeprefix("Value error, ")
    said = said[:1].lower() + said[1:]
    if first["type"] != "value_error":
        said += f", not {str(first['input'])[:60]}"
    return ApiError(400, f"{where}: {said}" if where else said, param=param)
