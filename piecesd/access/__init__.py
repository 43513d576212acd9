"""Who the client is, and whether it may come in: addresses, lists and bans."""
