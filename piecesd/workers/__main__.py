"""A worker: ``twistd --nodaemon pieces``, with what its supervisor has set.

The arguments are options of twistd itself. All settings stand in the
environment, so a .env file is not looked for.
"""

import os
import sys

from twisted.scripts import twistd

if __name__ == "__main__":
    sys.argv[0] = "piecesd"
    sys.argv[1:] = [
        "--nodaemon",
        "--pidfile=",
        *sys.argv[1:],
        "pieces",
        f"--env-file={os.devnull}",
    ]
    twistd.run()
