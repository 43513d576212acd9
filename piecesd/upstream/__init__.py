"""Everything that touches gRPC."""
