"""The manual pages and the completions of shells, made from the options.

``python -m piecesd.manual``, at the top of the repo, writes them below
``share/``, from where a wheel takes them to the ``share/`` of where it is
installed.
"""
