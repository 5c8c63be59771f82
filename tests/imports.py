"""What a file of the project imports."""

import ast
from pathlib import Path


def imported_names(file: Path) -> set[str]:
    """Return the names of the modules that a file imports, at any place in it.

    Of `from a import b` both `a` and `a.b` are returned: `b` may be a module.
    """
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names
