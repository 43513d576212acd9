"""What the services' failures are to a client: the one place that says so."""

from collections.abc import Iterable
from contextlib import suppress
from math import ceil

import grpc

from piecesd.errors import (
    ApiError,
    Phrase,
    UpstreamBroken,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)

PIECE = 200
END_OF_STREAM = 204
UNARY_UNSET = 0
"""Seen on good unary replies."""


LONGEST_RETRY_AFTER_SECONDS = 3600


def retry_after_seconds(metadata: Iterable[tuple[str, str | bytes]]) -> int | None:
    """How long the upstream asks to be left alone, in whole seconds, from the
    metadata at a call's end: ``retry-after`` as in HTTP, or gRPC's own
    ``grpc-retry-pushback-ms`` (gRFC A6). None where it does not say."""
    units = {"retry-after": 1.0, "grpc-retry-pushback-ms": 0.001}
    for key, value in metadata:
        if key in units:
            with suppress(ValueError, OverflowError):
                seconds = ceil(float(value) * units[key])
                if seconds >= 0:
                    return min(seconds, LONGEST_RETRY_AFTER_SECONDS)
    return None


def error_of_code(code: int) -> UpstreamError:
    """What a response code other than a good one means.

    Another attempt is worth its while for codes that are so in HTTP too:
    408, 429 and those from 500 on.
    """
    if code == 429:
        return UpstreamRateLimited()
    detail = Phrase(f"it answered with code {code}", f"响应码为 {code}")
    if code == 408 or 500 <= code <= 599:
        return UpstreamError(detail=detail)
    return UpstreamRefused(detail=detail)


def error_of_status(error: BaseException, timeout_seconds: float | None) -> ApiError:
    """What an exception of a gRPC call means.

    What the upstream says in its own words may name addresses, so it is kept
    for the log (`UpstreamError.log_detail`) and not told to clients.

    :param timeout_seconds: what the call was allowed.
    """
    if not isinstance(error, grpc.RpcError):
        failed = UpstreamError(detail=Phrase("the call could not be made", "无法发起调用"))
        failed.log_detail = repr(error)
        return failed
    status: grpc.StatusCode = error.code()
    details: str = error.details() or ""
    mapped = _of_status(status, details, timeout_seconds)
    if isinstance(mapped, UpstreamRateLimited):
        mapped.retry_after_seconds = retry_after_seconds(error.trailing_metadata() or ())
    mapped.log_detail = f"{status.name}: {details}"
    return mapped


def _of_status(
    status: grpc.StatusCode, details: str, timeout_seconds: float | None
) -> UpstreamError:
    detail = Phrase(f"gRPC status {status.name}", f"gRPC 状态为 {status.name}")
    if status is grpc.StatusCode.UNAVAILABLE:
        return UpstreamUnavailable(detail=detail)
    if status is grpc.StatusCode.DEADLINE_EXCEEDED:
        return UpstreamTimeout(
            seconds=timeout_seconds or 0.0, what=Phrase("the whole call", "整个调用")
        )
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        if "message larger than max" in details:  # gRPC's own limit, in this process
            return UpstreamRefused(
                detail=Phrase("a reply is larger than piecesd takes", "单条回复超过可接受的大小")
            )
        return UpstreamRateLimited()
    if status in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
        return UpstreamBroken(detail=detail)
    # Another attempt would meet the others again. CANCELLED is among them:
    # piecesd's own cancels never get here, so it is the upstream giving up.
    return UpstreamRefused(detail=detail)
