"""The verbs of the command line, one file each; `har.commands.app` lists them."""

import sys
from pathlib import Path

# What the user types: the script that installing the project makes, or the module.
PROGRAM = "har" if Path(sys.argv[0]).stem == "har" else "python -m har"
