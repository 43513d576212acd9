from piecesd.access.networks import parse_network
from piecesd.config import networks
from tests.config.test_kinds import KindCase

ADDRESS, NETWORK = parse_network("192.0.2.7"), parse_network("2001:db8::/32")


class NetworksTests(KindCase):
    def test_addresses_and_networks_stand_in_a_list(self) -> None:
        kind = networks.networks()
        self.assert_reads(kind, {"": (), " 192.0.2.7 ,2001:db8::/32,": (ADDRESS, NETWORK)})
        self.assert_refuses(kind, "unix", "192.0.2.7/24", "192.0.2", "host.example", "1.2.3.4 ::1")

    def test_proxies_may_be_on_unix_sockets(self) -> None:
        kind = networks.proxies()
        self.assert_reads(kind, {"": (), "Unix, 192.0.2.7": ("unix", ADDRESS)})
        self.assert_refuses(kind, "unix:/run/x", "10.0.0.1/8")

    def test_modes_have_no_case(self) -> None:
        kind = networks.ban_mode()
        self.assert_reads(kind, {"OFF": "off", "single": "single", "Subnet": "subnet"})
        self.assert_refuses(kind, "on", "true")
