"""The systemd units, on a spare machine that systemd has booted."""

import json
import shutil
import subprocess
from pathlib import Path
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import write_certificate
from tests.deploy import missing
from tests.deploy.spare_machine import ROOT, spare_machine

UNITS = ROOT / "deploy/systemd"
DROP_IN = "/run/systemd/system/pieces.service.d/test.conf"
SETTINGS = "/etc/default/pieces"
MOST_EXPOSURE = 1.5

CANT_RUN = missing("systemd-nspawn", "nsenter", "unshare", "curl", "logrotate", "systemctl")


class ExposureTests(SynchronousTestCase):
    @skipIf(shutil.which("systemd-analyze") is None, "not installed: systemd-analyze")
    def test_what_is_left_open_comes_to_no_more_than_1_5(self) -> None:
        threshold = round(MOST_EXPOSURE * 10)
        done = subprocess.run(
            [
                *("systemd-analyze", "security", "--no-pager", "--offline=true"),
                *(f"--threshold={threshold}", str(UNITS / "pieces.service")),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("Overall exposure level for pieces.service", done.stdout)


class SystemdCase(SynchronousTestCase):
    if CANT_RUN:
        skip = CANT_RUN

    def setUp(self) -> None:
        self.machine = spare_machine(boots=True)
        for name in ("pieces.service", "pieces.socket"):
            self.machine.write(f"/etc/systemd/system/{name}", (UNITS / name).read_text())
        self.configure()
        self.addCleanup(self.clean)

    def clean(self) -> None:
        self.machine.run("systemctl stop pieces.socket pieces.service")
        self.machine.do(f"rm -f {DROP_IN}; systemctl reset-failed")

    def configure(self, *settings: str, unit: str = "") -> None:
        """Add settings to the example that stands in deploy/, and lines to [Service]."""
        example = (ROOT / "deploy/default/pieces").read_text()
        self.machine.write(SETTINGS, "\n".join((example, *settings, "")), mode=0o600)
        self.machine.do(f"mkdir -p {Path(DROP_IN).parent}")
        self.machine.write(DROP_IN, f"[Service]\n{unit}\n")
        self.machine.do("systemctl daemon-reload")

    def start(self, *settings: str, unit: str = "") -> None:
        self.configure(*settings, unit=unit)
        done = self.machine.run("systemctl start pieces")
        self.assertEqual(done.returncode, 0, self.journal())

    def journal(self) -> str:
        return self.machine.do("journalctl --unit=pieces --output=cat --no-pager --lines=60")

    def shown(self, name: str) -> str:
        """A property of the service."""
        return self.machine.do(f"systemctl show --value --property={name} pieces").strip()

    def main_process(self, file: str) -> str:
        return self.machine.do(f"cat /proc/{self.shown('MainPID')}/{file}")

    def http_status(self, path: str, *, url: str = "http://127.0.0.1:8787") -> str:
        form = "--silent --insecure --output /dev/null --write-out '%{http_code}'"
        return self.machine.run(f"curl {form} {url}{path}").stdout


class UnitTests(SystemdCase):
    def test_systemd_finds_nothing_to_complain_of_in_the_units(self) -> None:
        files = "/etc/systemd/system/pieces.service /etc/systemd/system/pieces.socket"
        done = self.machine.run(f"systemd-analyze verify --man=no {files}")
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_steps_of_their_page_lead_to_a_service_that_is_started_at_boot(self) -> None:
        self.machine.do("rm -f /etc/systemd/system/pieces.* /etc/default/pieces")
        self.addCleanup(self.machine.do, "systemctl disable pieces.socket pieces.service")
        self.machine.follow("systemd.md")
        links = self.machine.do("ls /etc/systemd/system/*.wants/pieces.*").split()
        self.assertEqual(
            {link.split("/")[-2] for link in links},
            {"multi-user.target.wants", "sockets.target.wants"},
        )
        self.assertEqual(self.shown("ActiveState"), "active")


class RestrictionTests(SystemdCase):
    """All that piecesd does, it does under the restrictions of its unit."""

    def answer(self, model: str) -> dict[str, object]:
        request = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}]})
        url = "http://127.0.0.1:8787/v1/chat/completions"
        header = "Content-Type: application/json"
        curl = f"curl --silent --fail --header '{header}' --data '{request}' {url}"
        answer: dict[str, object] = json.loads(self.machine.do(curl))
        return answer

    def test_both_services_answer_by_grpc_and_both_kinds_of_tokens_are_counted(self) -> None:
        self.start("ECHO_DELAY=0")
        for model in ("gpt-4o", "claude-3-haiku@20240307"):
            usage = self.answer(model)["usage"]
            assert isinstance(usage, dict)
            self.assertGreater(usage["prompt_tokens"], 0)
            self.assertGreater(usage["completion_tokens"], 0)

    def test_it_may_do_nothing_else(self) -> None:
        self.start()
        status = dict(line.split(":\t", 1) for line in self.main_process("status").splitlines())
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertNotIn("0", status["Uid"].split())

    def test_it_can_write_nowhere_but_in_its_own_directories(self) -> None:
        self.start()
        uid = self.machine.do(f"stat -c %u /proc/{self.shown('MainPID')}").strip()
        # As root it is the mounts alone that forbid, as its user all there is.
        for identity, closed in (
            ("", "/ /etc /usr /opt/piecesd /var /var/log"),
            (
                f"setpriv --reuid={uid} --regid={uid} --clear-groups",
                "/ /etc /usr /opt/piecesd /var /var/log /root /home /run /dev",
            ),
        ):
            inside = f"nsenter --target {self.shown('MainPID')} --mount {identity}"
            for directory in closed.split():
                done = self.machine.run(f"{inside} touch {directory}/there")
                self.assertEqual(done.returncode, 1, (identity, directory, done.stdout))
        for directory in ("/tmp", "/var/tmp", "/var/lib/pieces", "/var/log/pieces"):
            self.machine.do(f"{inside} touch {directory}/there")

    def test_tls_with_a_key_that_systemd_hands_over(self) -> None:
        """Python's OpenSSL makes functions at run time, which the unit forbids."""
        directory = Path(self.mktemp())
        directory.mkdir()
        key, certificate = directory / "key.pem", directory / "cert.pem"
        write_certificate(key, certificate, "spare machine")
        for path in (key, certificate):
            self.machine.write(f"/etc/ssl/private/{path.name}", path.read_text(), mode=0o600)
        handed_over = "/run/credentials/pieces.service"
        self.start(
            f"LISTEN=ssl:8443:privateKey={handed_over}/key.pem:certKey={handed_over}/cert.pem",
            unit="MemoryDenyWriteExecute=no\n"
            "LoadCredential=key.pem:/etc/ssl/private/key.pem\n"
            "LoadCredential=cert.pem:/etc/ssl/private/cert.pem",
        )
        self.assertEqual(self.http_status("/v1/models", url="https://127.0.0.1:8443"), "200")

    def test_several_workers_serve_and_stop(self) -> None:
        self.start("WORKERS=2")
        self.assertEqual(self.shown("StatusText"), "Serving with 2 workers")
        self.assertEqual(self.http_status("/v1/models"), "200")
        self.machine.do("systemctl reload pieces")
        self.machine.do("systemctl stop pieces")
        self.assertEqual(self.shown("Result"), "success")


class LifeTests(SystemdCase):
    def test_a_start_waits_until_it_serves_and_a_stop_until_it_has_ended(self) -> None:
        self.start()
        self.assertEqual(self.http_status("/v1/models"), "200")
        self.assertEqual(self.shown("StatusText"), "Listening on http://127.0.0.1:8787/v1/")
        self.machine.do("systemctl stop pieces")
        self.assertIn("GET /v1/models -> 200", self.journal())
        self.assertEqual(self.http_status("/ping"), "000")
        self.assertEqual(self.shown("Result"), "success")

    def test_a_setting_that_is_wrong_fails_the_start_and_is_named(self) -> None:
        self.configure("PORT=http", unit="Restart=no")
        self.assertNotEqual(self.machine.run("systemctl start pieces").returncode, 0)
        self.assertIn("PORT='http'", self.journal())

    def test_a_reload_opens_the_log_anew_as_logrotate_has_it_do(self) -> None:
        log = "/var/log/pieces/pieces.log"
        rotation = (ROOT / "deploy/logrotate.d/pieces").read_text()
        self.machine.write("/etc/logrotate.d/pieces", rotation)
        self.start(f"LOG_FILE={log}")
        pid = self.shown("MainPID")
        self.machine.do(f"until grep --quiet Listening {log}; do sleep 0.1; done")
        self.machine.do("logrotate --force /etc/logrotate.d/pieces")
        self.assertIn("Listening", self.machine.do(f"cat {log}.1"))
        self.assertEqual(self.http_status("/v1/models"), "200")
        self.assertEqual(self.shown("MainPID"), pid)
        self.machine.do("systemctl stop pieces")
        self.assertIn("GET /v1/models -> 200", self.machine.do(f"cat {log}"))

    def test_one_that_crashes_is_started_again(self) -> None:
        self.start()
        self.machine.do(f"kill -KILL {self.shown('MainPID')}")
        self.await_restart()

    def test_one_that_stands_still_is_killed_and_started_again(self) -> None:
        self.start(unit="WatchdogSec=2\nTimeoutAbortSec=1")
        self.machine.do(f"kill -STOP {self.shown('MainPID')}")
        self.await_restart()
        self.assertIn("watchdog", self.machine.do("journalctl --no-pager _PID=1").lower())

    def await_restart(self) -> None:
        restarted = '[ "$(systemctl show --value --property=NRestarts pieces)" = 1 ]'
        active = "systemctl is-active --quiet pieces"
        self.machine.do(f"until {restarted} && {active}; do sleep 0.1; done")
        self.assertEqual(self.http_status("/v1/models"), "200")


class SocketTests(SystemdCase):
    def test_a_connection_starts_it_and_its_port_stays_open_without_it(self) -> None:
        self.configure("LISTEN=systemd:domain=INET:name=http")
        self.machine.do("systemctl start pieces.socket")
        self.assertEqual(self.shown("ActiveState"), "inactive")
        self.assertEqual(self.http_status("/v1/models"), "200")
        self.assertEqual(self.shown("ActiveState"), "active")
        self.machine.do("systemctl stop pieces.service")
        self.assertEqual(self.http_status("/v1/models"), "200")
