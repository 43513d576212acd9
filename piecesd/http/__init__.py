"""The HTTP side: routes, checks, the streamed reply, and the server under them."""
