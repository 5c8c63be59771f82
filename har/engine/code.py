"""The digest of the code that decides a result: in a cache's key, in place of a version number.

It is that of the syntax trees of a module and of all modules of this package that it imports, at
any place in them, without docstrings. So a comment, a docstring or the layout of the code changes
no key, and a changed constant does.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

PACKAGE = __name__.partition(".")[0]
ROOT = Path(__file__).parents[1]
# They decide how long something takes, where it is kept and what is said of it, never its bytes.
# Values of settings are in the keys themselves.
UNCOUNTED = (
    f"{PACKAGE}.compute",
    f"{PACKAGE}.engine.cache",
    f"{PACKAGE}.engine.code",
    f"{PACKAGE}.engine.errors",
    f"{PACKAGE}.engine.files",
    f"{PACKAGE}.engine.progress",
    f"{PACKAGE}.engine.repository",
    f"{PACKAGE}.engine.section",
    f"{PACKAGE}.engine.steps",
    f"{PACKAGE}.integrity.unpacking",
    f"{PACKAGE}.engine.verification",
    f"{PACKAGE}.engine.workers",
    f"{PACKAGE}.settings",
    f"{PACKAGE}.storage",
    f"{PACKAGE}.tracking",
)


def code_digest(*modules: str) -> str:
    """Return the SHA-256 of the code of some modules and of what they import, in hexadecimal.

    Args:
        modules: Names, as `har.video.converting`.

    Raises:
        ValueError: There is no module of that name.
    """
    digest = hashlib.sha256()
    for name in sorted(_reached(modules)):
        digest.update(f"\0{name}\0{_tree(_file_of(name))}".encode())
    return digest.hexdigest()


def _reached(modules: Iterable[str]) -> set[str]:
    """Return the modules and all that they import, directly or by way of others."""
    found, waiting = set(), [PACKAGE, *modules]  # the package sets what libraries go by
    while waiting:
        name = waiting.pop()
        if name in found or _is_uncounted(name):
            continue
        found.add(name)
        waiting += _imports(_file_of(name))
    return found


def _is_uncounted(name: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in UNCOUNTED)


def _file_of(name: str) -> Path:
    file = _find_file(name)
    if file is None:
        raise ValueError(f"There is no module {name!r} whose code could be read.")
    return file


@functools.cache
def _find_file(name: str) -> Path | None:
    """Return the file of a module of this package, found without importing anything."""
    place = ROOT.joinpath(*name.split(".")[1:])
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


@functools.cache
def _imports(file: Path) -> list[str]:
    """Return the modules of this package that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            # `from har.models import fusion` imports a module, `from ... import ops` may not.
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    inside = (name for name in names if name.startswith(f"{PACKAGE}."))
    return sorted(name for name in inside if _find_file(name))


@functools.cache
def _tree(file: Path) -> str:
    """Return the syntax tree of a file as text, without docstrings and places."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # Docstrings, and those of attributes: texts that stand by themselves do nothing.
            node.body = [one for one in body if not _is_text(one)]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
