"""For ``twistd -ny piecesd.tac``: the daemon as the environment and .env set it.

``twistd -n pieces`` does the same and takes options too. Without ``-n``, in the
background, set LOG_FILE: the console is gone there.
"""

from twisted.application.service import Application

from piecesd.plugin import Options, makeService

options = Options()
options.parseOptions([])
application = Application("piecesd")
makeService(options).setServiceParent(application)
