"""deploy/freebsd/: the rc script starts, reloads and stops a real daemon, and the
files of the port fit one another and this tree."""

import os
import re
import signal
import subprocess
import tomllib
from pathlib import Path
from shutil import which
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from piecesd import __version__
from piecesd.config import load
from tests.deploy.freebsd import FILES, PORT, Host, substituted
from tests.integration.daemon import ROOT, eventually
from tests.integration.web import get
from tests.pages import Page

PAGE = Page(ROOT / "docs/deploy/freebsd.md")


SHELLS = [shell for shell in (["dash"], ["busybox", "sh"]) if which(shell[0])] or [["sh"]]
"""Of Almquist's family, as FreeBSD's own is, where they are installed."""


class RcScriptTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.host = Host(self, SHELLS[0])

    def assert_done(self, argument: str, printed: str | None = None) -> None:
        """``service piecesd argument`` succeeds, and warns of nothing."""
        done = self.host.service(argument)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        if printed is not None:
            self.assertEqual(done.stdout, printed)

    def test_it_starts_reloads_and_stops_the_daemon(self) -> None:
        for shell in SHELLS:
            self.host = Host(self, shell)
            self.assert_whole_life()

    def assert_whole_life(self) -> None:
        host = self.host
        self.assert_done("start", "Starting piecesd.\n")
        self.assertTrue(host.log_has("Listening on http:"))
        port = re.findall(r"Listening on http:[^ ]*:(\d+)/", host.log_file.read_text())[0]
        self.assertEqual(get(int(port), "/ping").body, b"pong")
        self.assert_done("status", f"piecesd is running as pid {host.pid}.\n")

        host.log_file.rename(host.root / "log/piecesd.log.0")
        self.assert_done("reload", "")
        self.assertTrue(eventually(host.log_file.exists), "the log was not opened anew")

        pid = host.pid
        self.assert_done("stop", "Stopping piecesd.\n")
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        self.assertFalse(host.pid_file.exists())
        self.assertEqual(host.service("status").returncode, 1)

    def test_a_daemon_that_runs_is_not_started_again(self) -> None:
        self.assert_done("start")
        pid = self.host.pid
        self.assertEqual(self.host.service("start").returncode, 1)
        self.assertEqual(self.host.pid, pid)
        self.assert_done("restart")
        self.assertNotEqual(self.host.pid, pid)

    def test_it_makes_its_directories_for_its_user_alone(self) -> None:
        self.assert_done("start")
        for name in ("run", "log", "db"):
            self.assertEqual((self.host.root / name).stat().st_mode & 0o777, 0o750)

    def test_it_starts_only_where_rc_conf_says_so(self) -> None:
        self.host.configure()
        self.assertIn("Set piecesd_enable to YES", self.host.service("start").stdout)
        self.assertFalse(self.host.pid_file.exists())
        self.assert_done("onestart")
        self.assert_done("status", f"piecesd is running as pid {self.host.pid}.\n")

    def test_a_setting_that_cannot_be_used_fails_the_start(self) -> None:
        self.host.set(PORT="many")
        done = self.host.service("start")
        self.assertEqual(done.returncode, 1)
        self.assertIn("piecesd: PORT='many'", done.stderr)

    def test_a_port_in_use_fails_the_start(self) -> None:
        self.assert_done("start")
        self.assertTrue(self.host.log_has("/v1/"))
        port = re.findall(r":(\d+)/v1/", self.host.log_file.read_text())[0]
        other = Host(self, SHELLS[0])
        other.set(PORT=port)
        self.assertEqual(other.service("start").returncode, 1)

    def test_the_number_of_another_process_is_not_the_daemons(self) -> None:
        with subprocess.Popen(["sleep", "600"]) as stranger:
            try:
                self.host.pid_file.parent.mkdir()
                self.host.pid_file.write_text(str(stranger.pid))
                self.assertEqual(self.host.service("status").returncode, 1)
                self.assertEqual(self.host.service("stop").returncode, 1)
                self.assert_done("start")
                self.assertNotEqual(self.host.pid, stranger.pid)
                self.assert_done("stop")
                self.assertIsNone(stranger.poll())
            finally:
                stranger.kill()

    def test_after_a_crash_it_starts_again(self) -> None:
        self.assert_done("start")
        os.kill(self.host.pid, signal.SIGKILL)
        self.assertTrue(eventually(lambda: self.host.service("status").returncode == 1))
        self.assert_done("start")
        self.assert_done("status")

    def test_settings_are_read_and_never_run(self) -> None:
        """What the file holds is no shell, though rc.subr would take it for that."""
        mark = self.host.root / "it-was-run"
        self.host.set(
            LISTEN="tcp:0:interface=127.0.0.1 tcp6:0:interface=\\:\\:1",
            API_KEY=f"$(touch,{mark})".replace(",", "${IFS}"),
            LOG_FILE=str(self.host.log_file),
        )
        self.assert_done("start")
        self.assertTrue(self.host.log_has("http://[::1]:"))
        self.assertFalse(mark.exists())

    def test_arguments_win_over_the_file_and_both_can_be_named(self) -> None:
        elsewhere = self.host.root / "settings"
        self.host.env_file.rename(elsewhere)
        arguments = "--api-prefix /v9/ --debug"
        self.host.configure(
            piecesd_enable="YES", piecesd_env_file=str(elsewhere), piecesd_args=arguments
        )
        self.assert_done("start")
        self.assertTrue(self.host.log_has("/v9/"))

    def test_a_file_that_rc_conf_names_has_to_be_there(self) -> None:
        self.host.configure(piecesd_enable="YES", piecesd_env_file="/nonexistent")
        done = self.host.service("start")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent", done.stderr)

    @skipIf(which("shellcheck") is None, "no shellcheck here")
    def test_shellcheck_finds_nothing(self) -> None:
        script = Path(self.mktemp())
        script.write_text(substituted("piecesd", "/usr/local", "/usr/local/bin/python3.11"))
        done = subprocess.run(["shellcheck", "-s", "sh", script], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_rcorder_finds_its_place(self) -> None:
        """rcorder(8) reads these lines, the first of their kind, at their very start."""
        lines = (FILES / "piecesd.in").read_text().splitlines()
        kinds = [line.split(":")[0] for line in lines if re.match("# [A-Z]+: ", line)]
        self.assertEqual(kinds, ["# PROVIDE", "# REQUIRE", "# KEYWORD"])


class LogRotationTests(SynchronousTestCase):
    def test_newsyslog_rotates_the_log_and_tells_the_daemon_that_writes_it(self) -> None:
        entries = [
            line.split()
            for line in substituted("piecesd.conf", "/usr/local", "").splitlines()
            if not line.startswith("#")
        ]
        ((log, owner, mode, count, size, when, flags, pid_file, number),) = entries
        script = (FILES / "piecesd.in").read_text()
        self.assertIn(f"\nLOG_FILE={log}\n", (FILES / "piecesd.env.in").read_text())
        self.assertIn(f"piecesd_logdir:={Path(log).parent}}}", script)
        self.assertIn(f"piecesd_rundir:={Path(pid_file).parent}}}", script)
        self.assertIn(f"pidfile=$piecesd_rundir/{Path(pid_file).name}\n", script)
        user, _, group = owner.partition(":")
        self.assertIn(f"piecesd_user:={user}}}", script)
        self.assertIn(f"piecesd_group:={group}}}", script)
        self.assertEqual(int(number), signal.SIGHUP)
        self.assertRegex(mode, "^6[04]0$")
        self.assertGreater(int(count), 0)
        self.assertEqual((size, when), ("*", "@T00"))
        self.assertIn("B", flags, "newsyslog would write a line of its own")
        self.assertIn("C", flags, "there would be no log until the first start")

    def test_the_daemon_leaves_rotation_to_it(self) -> None:
        path = Path(self.mktemp())
        path.write_text(substituted("piecesd.env", "/usr/local", ""))
        config = load({}, path, {})
        self.assertIsNone(config.log_max_bytes)
        self.assertIsNone(config.log_max_age_seconds)


def makefile_values(name: str) -> list[str]:
    """The words of a variable of the port's Makefile."""
    text = (PORT / "Makefile").read_text().replace("\\\n", " ")
    (value,) = re.findall(rf"(?m)^{name}=[ \t]*(.*)$", text)
    return str(value).split()


class PortTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def test_it_is_of_this_version(self) -> None:
        self.assertEqual(makefile_values("DISTVERSION"), [__version__])

    def test_its_dependencies_are_those_of_the_package(self) -> None:
        port = {}
        for word in makefile_values("RUN_DEPENDS"):
            match = re.fullmatch(
                r"\$\{PYTHON_PKGNAMEPREFIX\}([a-z-]+)([^:]+):([a-z-]+)/py-([a-z-]+)@\$\{PY_FLAVOR\}",
                word,
            )
            assert match, word
            self.assertEqual(match[4], match[1])
            port[match[1]] = match[2]
        tls_of_twisted = {"openssl", "service-identity", "idna"}
        package = {}
        for requirement in self.project["dependencies"]:
            name = re.split(r"[\[>]", requirement)[0]
            package[name] = requirement.removeprefix(name).removeprefix("[tls]").replace(",", "")
        self.assertEqual({n: b for n, b in port.items() if n not in tls_of_twisted}, package)
        self.assertEqual(set(port) - set(package), tls_of_twisted)

    def test_everything_to_be_substituted_is(self) -> None:
        known = {"PREFIX", *(word.partition("=")[0] for word in makefile_values("SUB_LIST"))}
        for path in FILES.iterdir():
            named = set(re.findall("%%([A-Z_]+)%%", path.read_text()))
            self.assertLessEqual(named, known, path.name)

    def test_every_file_is_used_and_every_used_one_is_there(self) -> None:
        used = {*makefile_values("SUB_FILES"), *makefile_values("USE_RC_SUBR")}
        self.assertEqual({path.name for path in FILES.iterdir()}, {f"{name}.in" for name in used})

    def test_every_sample_is_installed(self) -> None:
        text = (PORT / "Makefile").read_text()
        samples = re.findall(r'"@sample(?:\([^)]*\))? (.*?)"', text)
        self.assertEqual(len(samples), 2)
        for sample in samples:
            self.assertIn(f"${{STAGEDIR}}${{PREFIX}}/{sample}\n", text)

    def test_its_user_is_the_one_the_script_runs_as(self) -> None:
        script = (FILES / "piecesd.in").read_text()
        self.assertIn(f"piecesd_user:={makefile_values('USERS')[0]}}}", script)
        self.assertIn(f"piecesd_group:={makefile_values('GROUPS')[0]}}}", script)

    def test_the_message_is_one_that_pkg_shows_at_the_first_install(self) -> None:
        text = (FILES / "pkg-message.in").read_text()
        self.assertRegex(
            text, r"(?s)^\[\n\{\n  type: install\n  message: <<EOM\n.*\nEOM\n\}\n\]\n$"
        )

    def test_lines_are_as_short_as_pkg_wants_them(self) -> None:
        for path in (PORT / "pkg-descr", FILES / "pkg-message.in"):
            for line in path.read_text().splitlines():
                self.assertLessEqual(len(line), 90, line)


class PageTests(SynchronousTestCase):
    def test_its_command_makes_the_files_that_the_port_would(self) -> None:
        (block,) = [block for block in PAGE.blocks if "sed -e" in block.text]
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        (directory / "deploy").symlink_to(ROOT / "deploy")
        subprocess.run(["sh", "-ec", block.text], cwd=directory, check=True)
        for name in ("piecesd", "piecesd.conf", "piecesd.env"):
            expected = substituted(name, "/usr/local", "/usr/local/piecesd/bin/python3.11")
            self.assertEqual((directory / name).read_text(), expected)

    def test_every_variable_of_the_script_is_in_its_table(self) -> None:
        script = (FILES / "piecesd.in").read_text()
        variables = set(re.findall(r"(?m)^# (piecesd_\w+)=", script))
        rows = {row[0].strip("`") for row in PAGE.rows}
        self.assertEqual({row for row in rows if row.startswith("piecesd_")}, variables)
