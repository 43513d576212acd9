"""Tests of `piecesd.tokens`."""
