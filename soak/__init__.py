"""Puts a daemon under mixed load, faults and accidents, and looks what is left."""
