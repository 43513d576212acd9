"""The two places where grpcio's public API does not reach far enough.

Both look at private attributes that grpcio 1.71 to 1.85 have. Each gives up
quietly where a release has changed them, and tests/upstream/test_grpc_private.py
fails then, so that it is noticed.
"""

from typing import Any

import grpc


def release(call: Any) -> None:
    """Free a single-threaded streaming call that was cancelled or left early.

    grpcio keeps about 21 KB for each such call until its outstanding
    operations have been taken off its completion queue. To be called from the
    thread that read the call, when it will not read again.
    """
    state = getattr(call, "_state", None)
    consume = getattr(call, "_consume_next_event", None)
    if state is None or consume is None:
        return
    while state.due:
        consume()


def connectivity(channel: Any) -> grpc.ChannelConnectivity:
    """The channel's state now, without the polling thread that
    `grpc.Channel.subscribe` would start. READY where it can't be told."""
    check = getattr(getattr(channel, "_channel", None), "check_connectivity_state", None)
    if check is None:
        return grpc.ChannelConnectivity.READY
    number = check(False)
    for state in grpc.ChannelConnectivity:
        if state.value[0] == number:
            return state
    return grpc.ChannelConnectivity.READY
