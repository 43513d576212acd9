"""Addresses, networks and bans for hypothesis."""

from hypothesis import strategies as st

from piecesd.access.bans import MAX_REASON_CHARACTERS, Ban
from piecesd.access.networks import IpNetwork, parse_address, parse_network

addresses = st.ip_addresses().map(lambda address: parse_address(str(address)))


@st.composite
def networks(draw: st.DrawFn) -> IpNetwork:
    address = draw(addresses)
    bits = draw(st.integers(0, address.max_prefixlen))
    host_bits = address.max_prefixlen - bits
    first = type(address)(int(address) >> host_bits << host_bits)
    return parse_network(f"{first}/{bits}")


# As `str.isprintable` has it.
printable_characters = st.characters(exclude_categories=("C", "Z"), include_characters=" ")

times_unix = st.integers(0, 1 << 40)

bans = st.builds(
    Ban,
    network=networks(),
    since_unix=times_unix,
    until_unix=times_unix,
    violations=st.integers(0, 1000),
    reason=st.text(printable_characters, max_size=MAX_REASON_CHARACTERS),
)
