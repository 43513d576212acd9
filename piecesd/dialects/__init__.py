"""What clients speak, turned into chat values and back: bytes in, bytes out."""
