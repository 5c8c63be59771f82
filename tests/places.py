"""Where the tests find things."""

from pathlib import Path

ROOT = Path(__file__).parent.parent  # of the project
REAL = ROOT.parent / "shared" / "real"  # clips of real people, which are not part of the project
REFERENCE = ROOT.parent / "shared" / "reference"  # programs to compare with, which are neither
