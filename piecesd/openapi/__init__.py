"""The OpenAPI description of what is served, made of the definitions that serve it."""
