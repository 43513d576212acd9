"""The reverse proxies of deploy/proxies/, each a real one before a real daemon."""

from pathlib import Path
from unittest import SkipTest, skipIf

from tests.deploy import missing, proxy_contract
from tests.deploy.proxies import Proxy, adapted, http_block, moved, run_nginx
from tests.integration.daemon import Daemon
from tests.integration.test_curl import curl

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
BY_HEADER = {"HOST": "127.0.0.1", "TRUSTED_PROXIES": "127.0.0.1"}
BY_PROXY_PROTOCOL = {"LISTEN": "haproxy:tcp:0:interface=127.0.0.1"}


@skipIf(reason := missing("nginx"), reason)
class NginxTests(proxy_contract.ProxyContract):
    settings = BY_HEADER

    def start_proxy(self, proxy: Proxy, daemon: Daemon) -> None:
        snippet = adapted(
            "proxies/nginx.conf",
            {
                "listen 443": f"listen 127.0.0.1:{proxy.port}",
                "listen [::]:443 ssl http2;": "",
                **moved(daemon.port, proxy.directory),
            },
        )
        run_nginx(proxy, http_block(proxy, f"include {proxy.write('piecesd.conf', snippet)};"))


@skipIf(reason := missing("nginx"), reason)
class NginxStreamTests(proxy_contract.ProxyContract):
    """It speaks TLS and no HTTP, so it can't name a request."""

    settings = BY_PROXY_PROTOCOL

    def start_proxy(self, proxy: Proxy, daemon: Daemon) -> None:
        block = adapted(
            "proxies/nginx-stream.conf",
            {
                "listen 443": f"listen 127.0.0.1:{proxy.port}",
                "listen [::]:443 ssl;": "",
                **moved(daemon.port, proxy.directory),
            },
        )
        if not STREAM_MODULE.exists():
            raise SkipTest("nginx has no stream module here; Debian's is libnginx-mod-stream")
        run_nginx(
            proxy, f"load_module {STREAM_MODULE};\nevents {{}}\npid {proxy.directory}/pid;\n{block}"
        )

    def test_the_daemon_learns_who_asks_and_how_the_request_is_named(self) -> None:
        curl(
            "--insecure",
            *("--interface", "127.0.0.9", "-H", "X-Request-Id: mine-7"),
            f"https://127.0.0.1:{self.proxy.port}/v1/models",
        )
        self.daemon.wait_for(r" 127\.0\.0\.9 GET /v1/models -> 200 .* mine-7")


@skipIf(reason := missing("caddy"), reason)
class CaddyTests(proxy_contract.ProxyContract):
    settings = BY_HEADER

    def start_proxy(self, proxy: Proxy, daemon: Daemon) -> None:
        site = adapted(
            "proxies/Caddyfile",
            {
                "api.example.com {": f"https://localhost:{proxy.port} {{\n"
                "\tbind 127.0.0.1\n"
                f"\ttls {proxy.directory}/certificate.pem {proxy.directory}/key.pem",
                "127.0.0.1:8787": f"127.0.0.1:{daemon.port}",
            },
        )
        quiet = "{\n\tadmin off\n\tauto_https off\n}\n"
        path = proxy.write("Caddyfile", quiet + site)
        proxy.run("caddy", "run", "--config", str(path), "--adapter", "caddyfile")


@skipIf(reason := missing("haproxy"), reason)
class HaproxyTests(proxy_contract.ProxyContract):
    settings = BY_PROXY_PROTOCOL

    def start_proxy(self, proxy: Proxy, daemon: Daemon) -> None:
        text = adapted(
            "proxies/haproxy.cfg",
            {
                "bind :443": f"bind 127.0.0.1:{proxy.port}",
                **moved(daemon.port, proxy.directory),
            },
        )
        proxy.run("haproxy", "-db", "-f", str(proxy.write("haproxy.cfg", text)))
