"""One tree of errors, each with a status, a type, a code and two languages.

Everything that can go wrong for a client is an `ApiError`. Dialects render one
in the shape their clients expect; nothing else decides a status. The types and
codes are those of the OpenAI API reference where it has one.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of a message that is worded in both languages."""

    en: str
    zh: str

    def in_language(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class ApiError(Exception):
    """An error a client is told about.

    The fields given to the constructor fill the templates of the class, a
    `Phrase` in the template's language; ``param`` names the request field at
    fault, as a JSON path.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: ClassVar[str | None] = None
    en: ClassVar[str] = "The server had an error while processing the request."
    zh: ClassVar[str] = "服务器处理请求时出错。"

    def __init__(
        self,
        *,
        param: str | None = None,
        retry_after_seconds: int | None = None,
        **fields: object,
    ) -> None:
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        self.fields = fields | {"param": param}
        super().__init__(self.message())

    def message(self, language: Language = "en") -> str:
        """The sentence for people, in ``language``."""
        template = self.zh if language == "zh" else self.en
        return template.format_map(
            {
                name: field.in_language(language) if isinstance(field, Phrase) else field
                for name, field in self.fields.items()
            }
        )


# The request is at fault.


class InvalidRequest(ApiError):
    status = 400
    type = "invalid_request_error"


class MalformedJson(InvalidRequest):
    code = "invalid_json"
    en = "The request body is not valid JSON: {detail}"
    zh = "请求体不是有效的 JSON：{detail}"


class NotAnObject(InvalidRequest):
    """The body is JSON, but of another kind; ``kind`` is JSON's word for it."""

    code = "invalid_type"
    en = "The request body must be a JSON object, but it is of type {kind}."
    zh = "请求体必须是 JSON 对象，而实际类型为 {kind}。"


class MissingParameter(InvalidRequest):
    code = "missing_required_parameter"
    en = "Missing required parameter: `{param}`."
    zh = "缺少必需的参数：`{param}`。"


class WrongType(InvalidRequest):
    """A field has the wrong type or an impossible value; ``param`` is its path."""

    code = "invalid_type"
    en = "Invalid value at `{param}`: {detail}"
    zh = "`{param}` 的值无效：{detail}"


class InvalidValue(InvalidRequest):
    code = "invalid_value"
    en = "Invalid value for `{param}`: {detail}"
    zh = "`{param}` 的值无效：{detail}"


class UnsupportedParameter(InvalidRequest):
    """A parameter that would change the answer and can't be honoured."""

    code = "unsupported_parameter"
    en = "`{param}` is not supported here: {detail}"
    zh = "此服务不支持 `{param}`：{detail}"


class UnsupportedContent(InvalidRequest):
    """A message part that is not text."""

    code = "unsupported_content"
    en = "Content of type {kind!r} at `{param}` is not supported; only text is."
    zh = "`{param}` 处的内容类型 {kind!r} 不受支持；仅支持文本。"


class ContextLengthExceeded(InvalidRequest):
    code = "context_length_exceeded"
    en = (
        "This model's maximum input is {limit} tokens, but the messages come to {count} "
        "tokens. Please shorten the messages."
    )
    zh = "该模型的输入上限为 {limit} 个 token，而消息共有 {count} 个 token。请缩短消息。"


class ModelNotFound(InvalidRequest):
    status = 404
    code = "model_not_found"
    en = "The model {model!r} does not exist or is not served here."
    zh = "模型 {model!r} 不存在或未在此提供。"


class ModelNotConfigured(ModelNotFound):
    """The catalogue has the model, but its service has no address."""

    en = "The model {model!r} is not served here: no {service} upstream is configured."
    zh = "模型 {model!r} 未在此提供：未配置 {service} 上游服务。"


class InvalidApiKey(ApiError):
    status = 401
    type = "authentication_error"
    code = "invalid_api_key"
    en = "Incorrect API key provided."
    zh = "提供的 API 密钥不正确。"


class MissingApiKey(InvalidApiKey):
    en = "No API key was provided; send it as `Authorization: Bearer KEY`."
    zh = "未提供 API 密钥；请以 `Authorization: Bearer KEY` 发送。"


class AddressRefused(ApiError):
    """The client's address is not one that may come in."""

    status = 403
    type = "permission_error"
    code = "address_refused"
    en = "Your address is not allowed to use this server."
    zh = "您的地址不允许使用此服务。"


class AddressBanned(AddressRefused):
    """It did something wrong too often, or somebody banned it; given a
    retry-after for when that ends."""

    code = "address_banned"
    en = "Your address is banned from this server for the time being."
    zh = "您的地址暂时被此服务封禁。"


class BanNotFound(InvalidRequest):
    """For those who look after bans."""

    status = 404
    code = "ban_not_found"
    en = "There is no ban of {address}."
    zh = "没有针对 {address} 的封禁。"


class ResponseNotFound(InvalidRequest):
    """There is no stored response of that id, or it is another key's."""

    status = 404
    code = "response_not_found"
    en = "Response with id {response!r} not found."
    zh = "未找到 id 为 {response!r} 的响应。"


class PreviousResponseNotFound(ResponseNotFound):
    """A request goes on from a response that is not there."""

    status = 400
    code = "previous_response_not_found"
    en = "Previous response with id {response!r} not found."
    zh = "未找到 id 为 {response!r} 的上一个响应。"


class ItemNotFound(InvalidRequest):
    """A request refers to an item of a response that is not there."""

    status = 404
    code = "item_not_found"
    en = "Item with id {item!r} not found."
    zh = "未找到 id 为 {item!r} 的条目。"


class UnknownPath(InvalidRequest):
    status = 404
    code = "unknown_url"
    en = "Unknown request URL: {method} {path}. Please check the path for typos."
    zh = "未知的请求地址：{method} {path}。请检查路径。"


class MethodNotAllowed(InvalidRequest):
    """``allowed`` is the tuple of methods for the ``Allow`` header (RFC 9110 §15.5.6)."""

    status = 405
    code = "method_not_allowed"
    en = "Method {method} is not allowed for {path}."
    zh = "{path} 不允许使用 {method} 方法。"

    def __init__(self, *, method: str, path: str, allowed: tuple[str, ...]) -> None:
        super().__init__(method=method, path=path)
        self.allowed = allowed


class RateLimited(ApiError):
    """The client asks too often; always has a retry-after. The type names what
    is limited, as in the OpenAI API."""

    status = 429
    type = "requests"
    code = "rate_limit_exceeded"
    en = (
        "Rate limit reached: at most {limit} requests in {window_seconds} seconds. Please try "
        "again in {wait_seconds} seconds."
    )
    zh = "已达到速率限制：{window_seconds} 秒内最多 {limit} 个请求。请在 {wait_seconds} 秒后重试。"


class TokenRateLimited(RateLimited):
    type = "tokens"
    en = (
        "Rate limit reached: at most {limit} tokens in {window_seconds} seconds. Please try "
        "again in {wait_seconds} seconds."
    )
    zh = (
        "已达到速率限制：{window_seconds} 秒内最多 {limit} 个 token。请在 {wait_seconds} 秒后重试。"
    )


class TooManyAtOnce(RateLimited):
    """Of one client; `Overloaded` is for those of all."""

    en = "Rate limit reached: at most {limit} requests of a client at one time."
    zh = "已达到速率限制：每个客户端最多同时 {limit} 个请求。"


class MalformedHttp(InvalidRequest):
    """What arrived is not HTTP, or could be read in two ways."""

    code = "malformed_http"
    en = "The request is not valid HTTP/1.1."
    zh = "请求不是有效的 HTTP/1.1。"


class HeaderTooLarge(InvalidRequest):
    status = 431
    code = "header_too_large"
    en = (
        "The request's header is too large; allowed are {max_lines} lines of {max_line_bytes} "
        "bytes, {max_bytes} bytes in all."
    )
    zh = (
        "请求头部过大；最多允许 {max_lines} 行，每行 {max_line_bytes} 字节，总共 {max_bytes} 字节。"
    )


class RequestTimedOut(InvalidRequest):
    status = 408
    code = "request_timeout"
    en = "The request did not arrive within {seconds:g} seconds."
    zh = "请求未能在 {seconds:g} 秒内到达。"


class BodyTooLarge(InvalidRequest):
    status = 413
    code = "request_too_large"
    en = "The request body is larger than {limit} bytes."
    zh = "请求体超过 {limit} 字节。"


class UnsupportedMediaType(InvalidRequest):
    status = 415
    code = "unsupported_media_type"
    en = "The content type {content_type!r} is not supported; send application/json."
    zh = "不支持内容类型 {content_type!r}；请发送 application/json。"


# The daemon is at fault, or can't take the request now.


class InternalError(ApiError):
    """Something nobody foresaw; the log has it under ``request_id``."""

    code = "internal_error"
    en = "The server had an error while processing the request (request id {request_id})."
    zh = "服务器处理请求时出错（请求编号 {request_id}）。"


class Overloaded(ApiError):
    """Refused at once rather than left waiting unseen; always has a retry-after."""

    status = 503
    code = "overloaded"
    en = "The server is at its limit of {limit} {what}. Please retry later."
    zh = "服务器已达到 {limit} 个 {what} 的上限。请稍后重试。"

    def __init__(self, *, limit: int, what: str | Phrase, retry_after_seconds: int = 1) -> None:
        super().__init__(limit=limit, what=what, retry_after_seconds=retry_after_seconds)


class ShuttingDown(ApiError):
    status = 503
    code = "shutting_down"
    en = "The server is shutting down; the answer was not completed."
    zh = "服务器正在关闭；回答未完成。"


class StoreUnavailable(ApiError):
    """Responses can't be stored or found now; the log says why."""

    status = 503
    code = "store_unavailable"
    en = "The store of responses can't be used now. Please retry later."
    zh = "响应存储目前无法使用。请稍后重试。"


# The upstream is at fault.


class UpstreamError(ApiError):
    """The upstream failed a call.

    ``retryable``: another attempt may succeed. ``origin``: which channel it
    failed on (opaque), for that attempt to avoid. ``log_detail``: the
    upstream's own words, for the log and not for clients.
    """

    status = 502
    type = "upstream_error"
    code = "upstream_error"
    en = "The upstream failed: {detail}."
    zh = "上游服务失败：{detail}。"

    retryable: ClassVar[bool] = True
    origin: object = None
    log_detail: str = ""


class UpstreamRefused(UpstreamError):
    """The upstream will not take this call, however often it is tried."""

    retryable = False


class UpstreamUnavailable(UpstreamError):
    code = "upstream_unavailable"
    en = "The upstream can't be reached: {detail}."
    zh = "无法连接上游服务：{detail}。"


class UpstreamBroken(UpstreamError):
    """The answer was cut, or is not an answer: never to be taken for a whole one."""

    code = "upstream_broken"
    en = "The upstream's answer is broken: {detail}."
    zh = "上游的回答不完整：{detail}。"


class UpstreamRateLimited(UpstreamError):
    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    en = "The upstream is receiving too many requests. Please retry later."
    zh = "上游请求过多。请稍后重试。"


class UpstreamTimeout(UpstreamError):
    status = 504
    code = "upstream_timeout"
    en = "The upstream sent nothing for {seconds:g} seconds ({what})."
    zh = "上游在 {seconds:g} 秒内未发送任何内容（{what}）。"

    retryable = False
