"""Files as the project writes them."""

import json
from pathlib import Path
from typing import Any


def write_json(content: Any, path: Path) -> None:
    """Write JSON for people to read and for `git diff`: indented, UTF-8, a line end at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
