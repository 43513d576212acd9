"""Runs one ChatRequest: the rules between the clients and the upstreams."""
