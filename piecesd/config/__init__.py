"""The daemon's settings: a frozen `Config`, and `load` to read it."""

from piecesd.config.address import UpstreamAddress, is_loopback
from piecesd.config.kinds import CpuAffinity
from piecesd.config.listen import (
    InheritedEndpoint,
    ListenEndpoint,
    TcpEndpoint,
    TlsFiles,
    UnixEndpoint,
)
from piecesd.config.options import given_options, option_flags, option_parameters
from piecesd.config.setting import ConfigError, Setting
from piecesd.config.settings import SETTINGS, Config
from piecesd.config.sources import given_texts, load

__all__ = [
    "SETTINGS",
    "Config",
    "ConfigError",
    "CpuAffinity",
    "InheritedEndpoint",
    "ListenEndpoint",
    "Setting",
    "TcpEndpoint",
    "TlsFiles",
    "UnixEndpoint",
    "UpstreamAddress",
    "given_options",
    "given_texts",
    "is_loopback",
    "load",
    "option_flags",
    "option_parameters",
]
