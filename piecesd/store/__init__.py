"""Keeps responses, so that they can be shown again and gone on from."""
