"""What each kind of setting reads, and what it refuses."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import ListenEndpoint, UpstreamAddress, kinds
from piecesd.config.kinds import Kind


class KindCase(SynchronousTestCase):
    def assert_reads(self, kind: Kind[Any], expected: Mapping[str, object]) -> None:
        for text, value in expected.items():
            with self.subTest(text):
                self.assertEqual(kind.read(text), value)

    def assert_refuses(self, kind: Kind[Any], *texts: str) -> None:
        for text in texts:
            with self.subTest(text), self.assertRaises(ValueError):
                kind.read(text)


class NumberTests(KindCase):
    def test_workers_are_a_number_or_one_for_each_core(self) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        self.assert_reads(kinds.workers(), {"1": 1, "256": 256, "AUTO": cores})
        self.assert_refuses(kinds.workers(), "0", "257", "-1", "many", "")

    def test_booleans_are_read_in_any_case(self) -> None:
        self.assert_reads(
            kinds.boolean(),
            dict.fromkeys(["true", "TRUE", "1", "yes", "On"], True)
            | dict.fromkeys(["false", "False", "0", "NO", "off"], False),
        )
        self.assert_refuses(kinds.boolean(), "2", "t", "ja", "truefalse")

    def test_whole_numbers_are_plain_digits_within_bounds(self) -> None:
        kind = kinds.whole(0, 65535)
        self.assert_reads(kind, {"0": 0, "65535": 65535, "007": 7})
        self.assert_refuses(kind, "65536", "-1", "+1", "1_0", "1.0", "1e3", "٣", "9" * 5000)

    def test_durations_are_plain_decimals_within_bounds(self) -> None:
        kind = kinds.seconds(0.1, 60)
        self.assert_reads(kind, {"30": 30.0, "0.5": 0.5, ".5": 0.5, "60": 60.0})
        self.assert_refuses(kind, "0", "60.1", "nan", "inf", "1e1", "-1", "5s", "1_0", "5.")

    def test_zero_seconds_are_never_where_that_makes_sense(self) -> None:
        kind = kinds.seconds_or_never(60, 86400)
        self.assert_reads(kind, {"0": None, "0.0": None, "60": 60.0})
        self.assert_refuses(kind, "59", "-0")

    def test_sizes_take_binary_units(self) -> None:
        kind = kinds.size("1KiB", "1GiB")
        self.assert_reads(
            kind,
            {"10485760": 10485760, "10MiB": 10485760, "10 mib": 10485760, "2KiB": 2048}
            | {"1GiB": 1 << 30, "1024B": 1024},
        )
        self.assert_refuses(kind, "1023", "2GiB", "10MB", "10M", "1.5MiB", "MiB", "-1", "0")

    def test_a_size_of_zero_is_never_where_that_makes_sense(self) -> None:
        kind = kinds.size_or_never("4KiB", "1GiB")
        self.assert_reads(kind, {"0": None, "4KiB": 4096})
        self.assert_refuses(kind, "1")

    def test_an_optional_number_may_be_empty(self) -> None:
        self.assert_reads(kinds.whole_or_empty(0, 5), {"": None, "0": 0, "5": 5})
        self.assert_refuses(kinds.whole_or_empty(0, 5), "6", "-1", "x")


class TextTests(KindCase):
    def test_a_store_is_a_file_or_one_of_two_words(self) -> None:
        self.assert_reads(
            kinds.store(),
            {"memory": "memory", "OFF": "off", "/var/lib/a.db": Path("/var/lib/a.db")}
            | {"off.db": Path("off.db").absolute()},
        )
        self.assert_refuses(kinds.store(), "")

    def test_every_spelling_of_a_prefix_has_a_slash_at_both_ends(self) -> None:
        self.assert_reads(
            kinds.path_prefix(),
            dict.fromkeys(["/v1", "v1/", "/v1/", "v1"], "/v1/")
            | {"": "/", "/": "/", "/openai/v1": "/openai/v1/"},
        )
        self.assert_refuses(kinds.path_prefix(), "/a//b", "/a b", "/v1?", "/../v1", "%2e", "/é")

    def test_keys_are_a_list_without_blanks_or_repeats(self) -> None:
        self.assert_reads(kinds.secrets(), {"": (), "a, b,,a": ("a", "b"), ",": ()})
        self.assert_refuses(kinds.secrets(), "a b", "ключ")

    def test_an_interface_is_an_ip_address_or_localhost(self) -> None:
        self.assert_reads(
            kinds.interface(),
            {"0.0.0.0": "0.0.0.0", "::": "::", "LocalHost": "127.0.0.1", "": ""},
        )
        self.assert_refuses(kinds.interface(), "*", "example.org", "127.1", "[::]", "256.0.0.1")

    def test_origins_are_lower_case_without_a_path(self) -> None:
        self.assert_reads(
            kinds.origins(),
            {"*": ("*",), "": (), "https://A.example/, null": ("https://a.example", "null")},
        )
        self.assert_refuses(kinds.origins(), "a.example", "https://a.example/x", "https://", "**")

    def test_a_base_url_carries_no_credentials(self) -> None:
        kind = kinds.base_url()
        self.assert_reads(
            kind,
            {"": None, "http://[::1]:11434/v1/": "http://[::1]:11434/v1", "https://h": "https://h"},
        )
        self.assert_refuses(
            kind, "h:1", "ftp://h", "http://", "http://u:p@h", "http://h?q=1", "http://h#f"
        )
        self.assert_refuses(kind, "http://h:99999", "http://[::1", "http://a b/")

    def test_a_redis_url_names_a_host_and_maybe_a_database(self) -> None:
        urls = ("redis://h", "rediss://u:p@h:6380/3", "redis://:p@[::1]:6379")
        self.assert_reads(kinds.redis_url(), {"": None} | {url: url for url in urls})
        self.assert_refuses(
            kinds.redis_url(), "h:6379", "http://h", "redis://", "redis://h:0", "redis://h/x"
        )
        self.assert_refuses(kinds.redis_url(), "redis://h?db=1", "redis://h:99999", "redis://[::1")

    def test_a_model_map_has_each_model_once(self) -> None:
        self.assert_reads(
            kinds.model_map(),
            {"gpt-4o=llama3, *=qwen2": {"gpt-4o": "llama3", "*": "qwen2"}, "": {}},
        )
        self.assert_refuses(kinds.model_map(), "gpt-4o", "=x", "x=", "a=b,a=c")

    def test_choices_are_read_in_any_case(self) -> None:
        self.assert_reads(kinds.one_of("text", "json"), {"JSON": "json", "text": "text"})
        self.assert_refuses(kinds.one_of("text", "json"), "xml", "")
        self.assert_reads(
            kinds.one_of("refuse", "ignore"), {"refuse": "refuse", "Ignore": "ignore"}
        )
        self.assert_refuses(kinds.one_of("refuse", "ignore"), "drop", "")


class SystemTests(KindCase):
    def test_addresses_are_a_list_in_which_none_stands_twice(self) -> None:
        one, two = UpstreamAddress.parse("a:1"), UpstreamAddress.parse("grpc://b:2;weight=3")
        self.assert_reads(
            kinds.upstream_addresses(),
            {"": (), "a:1": (one,), "a:1, grpc://b:2;weight=3": (one, two)},
        )
        self.assert_refuses(kinds.upstream_addresses(), "a:1,a:1", "a:1,grpc://a:1", "a:1,b")

    def test_cores_are_single_ones_and_ranges(self) -> None:
        self.assert_reads(
            kinds.cpu_affinity(),
            {"auto": "auto", "OFF": "off", "0,2-3": frozenset({0, 2, 3}), "1": frozenset({1})},
        )
        self.assert_refuses(kinds.cpu_affinity(), "3-2", "0,", "-1", "1024", "0-9999", "all")

    def test_time_zones_are_those_of_the_database_or_fixed_offsets(self) -> None:
        self.assert_reads(
            kinds.time_zone(),
            {zone: zone for zone in ("", "UTC", ":Asia/Shanghai", "CST-8", "IST-5:30")},
        )
        self.assert_refuses(
            kinds.time_zone(), "Mars/Olympus", "Asia", "../etc/passwd", "/no/file", "/dev/null"
        )

    def test_paths_become_absolute(self) -> None:
        self.assert_reads(
            kinds.file_path(),
            {"": None, "/var/log/x": Path("/var/log/x"), "x": Path.cwd() / "x"},
        )

    def test_a_readable_file_has_to_be_there(self) -> None:
        path = Path(self.mktemp())
        self.assert_refuses(kinds.readable_file(), str(path), "/", "x" * 5000)
        path.write_text("pem")
        self.assert_reads(kinds.readable_file(), {str(path): path.absolute(), "": None})


class ListeningTests(KindCase):
    def test_a_port_alone_is_of_this_machine_only(self) -> None:
        self.assert_reads(
            kinds.listening_address(),
            {
                "": None,
                "9187": ListenEndpoint.tcp("127.0.0.1", 9187),
                ":0": ListenEndpoint.tcp("127.0.0.1", 0),
                "localhost:1": ListenEndpoint.tcp("127.0.0.1", 1),
                "0.0.0.0:65535": ListenEndpoint.tcp("0.0.0.0", 65535),
                "[::1]:9187": ListenEndpoint.tcp("::1", 9187),
            },
        )

    def test_names_and_bare_ipv6_addresses_are_refused(self) -> None:
        self.assert_refuses(
            kinds.listening_address(), "host:1", "::1", "1.2.3.4", "[1.2.3.4]:1", ":65536", "x", ":"
        )
