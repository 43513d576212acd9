"""Whose TCP connections there are on this machine, as proc(5) tells."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_LISTENING = 0x0A


@dataclass(frozen=True, kw_only=True, slots=True)
class TcpSocket:
    """One end of a connection. ``inode`` names it among the files of the
    processes that have it open; 0 while none has accepted it."""

    local_port: int
    remote_port: int
    inode: int


def tcp_sockets() -> Iterator[TcpSocket]:
    """All but those that listen."""
    for table in ("tcp", "tcp6"):
        for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
            _, local, remote, state, _, _, _, _, _, inode, *_ = line.split()
            if int(state, 16) != _LISTENING:
                yield TcpSocket(
                    local_port=int(local.rpartition(":")[2], 16),
                    remote_port=int(remote.rpartition(":")[2], 16),
                    inode=int(inode),
                )


def open_files(pid: int) -> list[str]:
    """What the descriptors of a process are, such as ``socket:[4711]``; empty
    once it has ended."""
    found = []
    try:
        for link in (_PROC / str(pid) / "fd").iterdir():
            try:
                found.append(str(link.readlink()))
            except OSError:  # closed meanwhile
                continue
    except OSError:
        pass
    return found


def client_ports(pid: int, served_port: int) -> frozenset[int]:
    """The other ends of the connections that the process has accepted there."""
    files = frozenset(open_files(pid))
    return frozenset(
        each.remote_port
        for each in tcp_sockets()
        if each.local_port == served_port and f"socket:[{each.inode}]" in files
    )
