"""The programs and libraries that people use, each tried with a daemon.

`table` says which, and what of them. Each has a script, in `python/` or
`node/`, that runs in a process of its own with what `make clients` has installed.
"""
