"""A worker: ``piecesd``, with what its supervisor has set.

The arguments are options of twistd itself. All settings stand in the
environment, so a .env file is not looked for.
"""

import os
import sys

from piecesd import command

if __name__ == "__main__":
    command.run(f"--env-file={os.devnull}", of_twistd=tuple(sys.argv[1:]))
