"""deploy/kubernetes/: its objects are valid, and belong together."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from shutil import which
from typing import Any
from unittest import SkipTest, skipUnless

import yaml
from dotenv import dotenv_values
from twisted.trial.unittest import SynchronousTestCase

from piecesd import __version__
from piecesd.config import Config, load
from piecesd.config.listen import TcpEndpoint
from tests.deploy.proxies import DEPLOY
from tests.integration.daemon import ROOT, run_directory

FOLDER = DEPLOY / "kubernetes"
SECRETS = {"API_KEY": "key-of-the-tests"}
VERSIONS = ("1.29", "1.33")
TO_SPARE_SECONDS = 2


def settings() -> dict[str, str]:
    """Those of config.env."""
    return {name: value or "" for name, value in dotenv_values(FOLDER / "config.env").items()}


def kustomization() -> Any:
    return yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def objects() -> dict[str, Any]:
    """What the kustomization comes to, by kind; names without their hashes."""
    made = kustomization()
    found = [yaml.safe_load((FOLDER / name).read_text()) for name in made["resources"]]
    found += [
        {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": made[field][0]["name"]},
            key: values,
        }
        for field, kind, key, values in (
            ("configMapGenerator", "ConfigMap", "data", settings()),
            ("secretGenerator", "Secret", "stringData", SECRETS),
        )
    ]
    for each in found:
        if each["kind"] != "Namespace":
            each["metadata"]["namespace"] = made["namespace"]
    by_kind = {each["kind"]: each for each in found}
    assert len(by_kind) == len(found)
    return by_kind


class SchemaTests(SynchronousTestCase):
    @skipUnless(find_spec("kubernetes_validate"), "no kubernetes-validate here")
    def test_every_object_is_one_that_kubernetes_knows(self) -> None:
        path = run_directory(self) / "objects.yaml"
        path.write_text(yaml.safe_dump_all(objects().values()))
        for version in VERSIONS:
            done = subprocess.run(
                [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(path)],
                capture_output=True,
                text=True,
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_file_is_used(self) -> None:
        made = kustomization()
        used = {*made["resources"], "kustomization.yaml", *made["configMapGenerator"][0]["envs"]}
        self.assertEqual(used, {path.name for path in FOLDER.iterdir()} - {"secret.env"})

    def test_kustomize_makes_the_same_of_it(self) -> None:
        kubectl = which("kubectl")
        if kubectl is None:
            raise SkipTest("no kubectl here")
        copy = run_directory(self) / "kubernetes"
        shutil.copytree(FOLDER, copy)
        lines = [f"{name}={value}\n" for name, value in SECRETS.items()]
        (copy / "secret.env").write_text("".join(lines))
        made = subprocess.run(
            [kubectl, "kustomize", str(copy)], capture_output=True, text=True, check=True
        ).stdout
        by_kind = {each["kind"]: each for each in yaml.safe_load_all(made)}
        self.assertEqual(by_kind.keys(), objects().keys())
        for kind in ("Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"):
            self.assertEqual(by_kind[kind], objects()[kind], kind)
        sources = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"][0]["envFrom"]
        names = [source[key]["name"] for source in sources for key in source]
        self.assertEqual(
            names, [by_kind[kind]["metadata"]["name"] for kind in ("ConfigMap", "Secret")]
        )


class DeploymentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.objects = objects()
        self.pod = self.objects["Deployment"]["spec"]["template"]
        (self.container,) = self.pod["spec"]["containers"]
        self.config: Config = load(settings() | SECRETS, None, {})

    def test_a_pod_has_time_to_drain_before_it_is_killed(self) -> None:
        pause = self.container["lifecycle"]["preStop"]["exec"]["command"]
        self.assertEqual(pause[0], "sleep")
        needed = int(pause[1]) + self.config.drain_timeout_seconds + TO_SPARE_SECONDS
        self.assertGreaterEqual(self.pod["spec"]["terminationGracePeriodSeconds"], needed)

    def test_it_leaves_the_service_before_it_stops_listening(self) -> None:
        readiness = self.container["readinessProbe"]
        self.assertEqual(readiness["httpGet"], {"path": "/readyz", "port": "http"})
        for name in ("livenessProbe", "startupProbe"):
            self.assertEqual(self.container[name]["httpGet"], {"path": "/ping", "port": "http"})

    def test_its_ports_are_the_daemons(self) -> None:
        ports = {port["name"]: port["containerPort"] for port in self.container["ports"]}
        assert self.config.metrics_listen is not None
        metrics = self.config.metrics_listen.place
        assert isinstance(metrics, TcpEndpoint)
        self.assertEqual(ports, {"http": self.config.port, "metrics": metrics.port})

    def test_it_may_do_nothing_and_write_nowhere_but_in_memory(self) -> None:
        security = self.container["securityContext"]
        self.assertTrue(security["readOnlyRootFilesystem"])
        self.assertFalse(security["allowPrivilegeEscalation"])
        self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
        (volume,) = self.pod["spec"]["volumes"]
        self.assertEqual(volume["emptyDir"]["medium"], "Memory")

    def test_its_user_is_that_of_the_image(self) -> None:
        context = self.pod["spec"]["securityContext"]
        user = f"USER {context['runAsUser']}:{context['runAsGroup']}\n"
        self.assertIn(user, (ROOT / "Dockerfile").read_text())
        self.assertTrue(context["runAsNonRoot"])

    def test_its_image_is_of_this_version(self) -> None:
        (image,) = kustomization()["images"]
        self.assertEqual((image["name"], image["newTag"]), (self.container["image"], __version__))

    def test_everything_speaks_of_these_pods(self) -> None:
        labels = self.pod["metadata"]["labels"]
        spec = {kind: each.get("spec") for kind, each in self.objects.items()}
        self.assertEqual(spec["Deployment"]["selector"]["matchLabels"], labels)
        self.assertEqual(spec["Service"]["selector"], labels)
        self.assertEqual(spec["PodDisruptionBudget"]["selector"]["matchLabels"], labels)
        self.assertEqual(spec["NetworkPolicy"]["podSelector"]["matchLabels"], labels)
        target = spec["HorizontalPodAutoscaler"]["scaleTargetRef"]
        self.assertEqual(target["name"], self.objects["Deployment"]["metadata"]["name"])

    def test_a_disruption_is_always_possible_and_never_takes_all(self) -> None:
        fewest = self.objects["HorizontalPodAutoscaler"]["spec"]["minReplicas"]
        at_a_time = self.objects["PodDisruptionBudget"]["spec"]["maxUnavailable"]
        self.assertGreater(fewest, at_a_time)
        self.assertGreater(at_a_time, 0)
