"""The importers of public data sets, one file each.

An importer's file has the facts about its data set and makes a plan of the videos to import:

- `LICENCE`, the terms that the data set is under, and `LAYOUT`, where one of its videos lies;
- `plan(source)`, which returns a `har.importers.plan.Plan`;
- for a data set with several official splits, `NUM_SPLITS` and `plan(source, split=...)`, counted
  from 1.

To add a data set, add a file. `har.importers.importing` carries the plans out.
"""

import importlib
from pathlib import Path
from types import ModuleType

SHARED = ("importing", "plan")  # the files beside this one that are no importers


def importer_names() -> list[str]:
    """Return the names of the data sets that can be imported, without importing their files."""
    names = (path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    return sorted(name for name in names if name not in SHARED)


def find_importer(name: str) -> ModuleType:
    """Return the module of an importer.

    Raises:
        ValueError: There is no importer of that name.
    """
    if name not in importer_names():
        raise ValueError(
            f"There is no importer {name!r}; expected one of {', '.join(importer_names())}."
        )
    return importlib.import_module(f"har.importers.{name}")
