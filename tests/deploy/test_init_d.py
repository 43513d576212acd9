"""The init script, as root on a spare machine that runs nothing else."""

import shutil
import subprocess
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from tests.deploy import missing
from tests.deploy.spare_machine import PREFIX, ROOT, Done, spare_machine

SCRIPT = "/etc/init.d/pieces"
SETTINGS = "/etc/default/pieces"
PID_FILE = "/run/pieces/pieces.pid"
LOG = "/var/log/pieces/pieces.log"

CANT_RUN = missing("systemd-nspawn", "nsenter", "unshare", "curl", "logrotate", "start-stop-daemon")


class ScriptTests(SynchronousTestCase):
    @skipIf(shutil.which("shellcheck") is None, "not installed: shellcheck")
    def test_shellcheck_finds_nothing_in_a_script_for_any_posix_shell(self) -> None:
        done = subprocess.run(
            ["shellcheck", "--shell=sh", str(ROOT / "deploy/init.d/pieces")],
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class InitCase(SynchronousTestCase):
    """``settings`` are added to the example that stands in deploy/."""

    if CANT_RUN:
        skip = CANT_RUN

    def setUp(self) -> None:
        self.machine = spare_machine(boots=False)
        script = (ROOT / "deploy/init.d/pieces").read_text()
        self.machine.write(SCRIPT, script, mode=0o755)
        self.settings()
        self.addCleanup(self.clean)

    def clean(self) -> None:
        self.settings()
        self.assertEqual(self.call("stop").returncode, 0)
        self.machine.do("rm -rf /run/pieces /var/log/pieces")

    def settings(self, *lines: str) -> None:
        example = (ROOT / "deploy/default/pieces").read_text()
        self.machine.write(SETTINGS, "\n".join((example, *lines, "")), mode=0o600)

    def call(self, *arguments: str) -> Done:
        return self.machine.run(" ".join((SCRIPT, *arguments)))

    def assert_status(self, action: str, status: int, *, says: str = "") -> str:
        done = self.call(action)
        self.assertEqual(done.returncode, status, done.stdout)
        self.assertIn(says, done.stdout)
        return done.stdout

    def pid(self) -> int:
        return int(self.machine.do(f"cat {PID_FILE}"))

    def http_status(self, path: str, *headers: str) -> str:
        """Of an answer on the usual port; 000 where there is none."""
        options = "".join(f"--header '{each}' " for each in headers)
        url = f"http://127.0.0.1:8787{path}"
        form = "--silent --output /dev/null --write-out '%{http_code}'"
        return self.machine.run(f"curl {form} {options}{url}").stdout

    def await_line(self, text: str) -> None:
        """Wait for a line of the log; the daemon writes twice a second."""
        self.machine.do(f"until grep --quiet '{text}' {LOG}; do sleep 0.1; done")

    def is_alive(self, pid: int) -> bool:
        return self.machine.run(f"kill -0 {pid}").returncode == 0

    def start_process(self, command: str) -> int:
        """A process beside the daemon, which ends with the test."""
        pid = int(self.machine.do(f"{command} >/dev/null 2>&1 & echo $!"))
        self.addCleanup(self.machine.do, f"kill -KILL {pid}")
        return pid


class LifeTests(InitCase):
    def test_a_start_serves_as_a_user_of_its_own_with_directories_of_its_own(self) -> None:
        self.machine.run("userdel pieces")
        self.settings("API_KEY='a$key'")
        self.assert_status("start", 0, says="Starting")
        self.assertEqual(self.http_status("/v1/models"), "401")
        self.assertEqual(self.http_status("/v1/models", "Authorization: Bearer a$key"), "200")
        process = self.machine.do(f"ps -o user=,comm= -p {self.pid()}")
        self.assertEqual(process.split(), ["pieces", "twistd"])
        directories = self.machine.do("stat -c '%U %G %a' /run/pieces /var/log/pieces")
        self.assertEqual(directories, "pieces pieces 755\npieces pieces 750\n")
        self.await_line("Listening on http://0.0.0.0:8787/v1/")
        self.assert_status("status", 0, says="is running")

    def test_a_second_start_changes_nothing(self) -> None:
        self.assert_status("start", 0)
        pid = self.pid()
        self.assert_status("start", 0)
        self.assertEqual(self.pid(), pid)

    def test_a_stop_ends_it_and_a_second_one_is_no_failure(self) -> None:
        self.assert_status("start", 0)
        self.assert_status("stop", 0)
        self.assertEqual(self.http_status("/ping"), "000")
        self.assert_status("status", 3, says="is not running")
        self.assert_status("stop", 0)
        self.assertIn("Server Shut Down", self.machine.do(f"cat {LOG}"))

    def test_a_restart_takes_new_settings_and_so_does_a_forced_reload(self) -> None:
        self.assert_status("restart", 0)
        for action in ("restart", "try-restart", "force-reload"):
            pid = self.pid()
            self.settings("ENABLE_MODEL_ROUTE=true", f"API_KEY={action}")
            self.assert_status(action, 0)
            self.assertNotEqual(self.pid(), pid)
            key = f"Authorization: Bearer {action}"
            self.assertEqual(self.http_status("/v1/models", key), "200")

    def test_what_needs_a_daemon_that_runs_does_not_start_one(self) -> None:
        for action, status in (("try-restart", 0), ("force-reload", 0), ("reload", 7)):
            self.assert_status(action, status)
            self.assert_status("status", 3)

    def test_a_reload_opens_the_log_anew_as_logrotate_has_it_do(self) -> None:
        rotation = (ROOT / "deploy/logrotate.d/pieces").read_text()
        self.machine.write("/etc/logrotate.d/pieces", rotation)
        self.assert_status("start", 0)
        pid = self.pid()
        self.await_line("Listening")
        self.machine.do("logrotate --force /etc/logrotate.d/pieces")
        self.assertIn("Listening", self.machine.do(f"cat {LOG}.1"))
        self.assertEqual(self.http_status("/v1/models"), "200")
        self.assertEqual(self.pid(), pid)
        self.assert_status("stop", 0)
        self.assertIn("GET /v1/models -> 200", self.machine.do(f"cat {LOG}"))

    def test_several_workers_start_and_stop_as_one(self) -> None:
        self.settings("WORKERS=2")
        self.assert_status("start", 0)
        self.assertEqual(self.http_status("/v1/models"), "200")
        self.assertEqual(len(self.machine.do("ps -o pid= -u pieces").split()), 3)
        self.assert_status("status", 0)
        self.assert_status("reload", 0)
        self.assert_status("stop", 0)
        self.assertEqual(self.machine.run("ps -o pid= -u pieces").stdout, "")

    def test_the_steps_of_its_page_lead_to_a_service_that_is_started_at_boot(self) -> None:
        self.machine.do("rm -f /etc/init.d/pieces /etc/default/pieces")
        self.machine.follow("init.d.md")
        self.assert_status("status", 0)
        links = self.machine.do("echo /etc/rc[0-6].d/[SK]??pieces").split()
        kinds = {(link[len("/etc/rc")], link[len("/etc/rc2.d/")]) for link in links}
        self.assertEqual(kinds, {*((n, "S") for n in "2345"), *((n, "K") for n in "016")})


class FailureTests(InitCase):
    def test_a_setting_that_is_wrong_fails_the_start_and_is_named(self) -> None:
        self.settings("PORT=http")
        self.assert_status("start", 1, says="PORT='http'")
        self.assert_status("status", 3)

    def test_a_port_that_is_taken_fails_the_start_whoever_answers_there(self) -> None:
        self.start_process(f"{PREFIX}/bin/python -m http.server --bind 127.0.0.1 8787")
        self.machine.do("until curl --silent --output /dev/null http://127.0.0.1:8787/; do :; done")
        self.assert_status("start", 1, says="can't listen on 127.0.0.1:8787")
        self.assert_status("status", 3)

    def test_a_daemon_that_never_answers_is_stopped_again(self) -> None:
        self.settings("PORT=0", "START_SECONDS=1")
        self.assert_status("start", 1, says="does not answer after 1 seconds")
        self.assert_status("status", 3)
        self.assertEqual(self.machine.run("ps -o pid= -u pieces").stdout, "")

    def test_one_that_has_crashed_is_told_and_can_be_started_again(self) -> None:
        self.assert_status("start", 0)
        self.machine.do(f"kill -KILL {self.pid()}; while kill -0 {self.pid()}; do :; done")
        self.assert_status("status", 1, says=f"{PID_FILE} is there")
        self.assert_status("stop", 0)
        self.assert_status("reload", 7)
        self.assert_status("start", 0)
        self.assert_status("status", 0)


class ForeignTests(InitCase):
    """A pid file that names a process of somebody else."""

    def claim(self, pid: int) -> None:
        self.machine.do(f"install -d -o pieces -g pieces /run/pieces && echo {pid} > {PID_FILE}")

    def assert_left_alone(self, pid: int) -> None:
        self.claim(pid)
        self.assert_status("status", 1)
        self.assert_status("stop", 0)
        self.assert_status("reload", 7)
        self.assert_status("try-restart", 0)
        self.assertEqual(self.pid(), pid, "its pid file is not the script's business")
        self.assert_status("start", 0)
        self.assertNotEqual(self.pid(), pid)
        self.assert_status("stop", 0)
        self.assertTrue(self.is_alive(pid))

    def setUp(self) -> None:
        super().setUp()
        self.machine.run("useradd --system --user-group pieces")
        self.machine.do("cp /bin/sleep /opt/twistd")

    def test_one_of_another_name_is_left_alone(self) -> None:
        self.assert_left_alone(
            self.start_process("exec setpriv --reuid=pieces --clear-groups sleep 600")
        )

    def test_one_of_another_user_is_left_alone(self) -> None:
        self.assert_left_alone(self.start_process("exec /opt/twistd 600"))

    def test_a_pid_file_that_holds_no_pid_does_not_keep_it_from_starting(self) -> None:
        self.machine.do(f"install -d /run/pieces && echo nonsense > {PID_FILE}")
        self.assert_status("start", 0)
        self.assert_status("status", 0)


class StatusTests(InitCase):
    """Exit statuses of the Linux Standard Base that have not come up elsewhere."""

    def test_an_action_that_there_is_not_is_2(self) -> None:
        for arguments in ((), ("begin",), ("start", "now")):
            done = self.call(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn("Usage: ", done.stdout)

    def test_who_is_not_root_gets_4(self) -> None:
        as_nobody = f"setpriv --reuid=nobody --clear-groups {SCRIPT}"
        for action in ("start", "stop", "restart", "reload"):
            done = self.machine.run(f"{as_nobody} {action}")
            self.assertEqual(done.returncode, 4, done.stdout)

    def test_a_status_is_for_all_to_read_and_4_where_it_can_t_be_told(self) -> None:
        as_nobody = f"setpriv --reuid=nobody --clear-groups {SCRIPT}"
        self.assert_status("start", 0)
        self.assertEqual(self.machine.run(f"{as_nobody} status").returncode, 0)
        self.machine.do("chmod 700 /run/pieces")
        self.assertEqual(self.machine.run(f"{as_nobody} status").returncode, 4)

    def test_a_daemon_that_is_not_installed_is_5(self) -> None:
        self.settings("PIECES_PREFIX=/nowhere")
        self.assert_status("start", 5, says="/nowhere")
