"""The code that an export carries: what some functions need of this package, and nothing else.

An export answers as the recognizer does because it runs the same code. Of each module it gets the
definitions that are reached, as they are written; imports of this package become relative, so that
the folder runs under any name.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = __name__.partition(".")[0]
ROOT = Path(__file__).parents[1]


class _Module:
    """A file of this package, by the names that it defines and imports."""

    def __init__(self, name: str):
        self.name = name
        source = ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py").read_text(encoding="utf-8")
        self.lines, self._tree = source.splitlines(), ast.parse(source)
        self.defined: dict[str, list[ast.stmt]] = {}
        self.imported: dict[str, ast.stmt] = {}  # one statement a name
        for statement in self._tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for alias in statement.names:
                    one = ast.Import([alias])
                    if isinstance(statement, ast.ImportFrom):
                        one = ast.ImportFrom(statement.module, [alias], 0)
                    self.imported[alias.asname or alias.name.partition(".")[0]] = one
            for name in _names_bound(statement):
                self.defined.setdefault(name, []).append(statement)

    def needs(self, name: str) -> set[str]:
        """Return the names of this file that a definition of it uses."""
        used = {
            node.id
            for statement in self.defined.get(name, ())
            for node in ast.walk(statement)
            if isinstance(node, ast.Name)
        }
        return used & {*self.defined, *self.imported}

    def write(self, names: set[str]) -> str:
        """Return the file with these names alone."""
        text = "\n".join(self.lines[: self._tree.body[0].end_lineno]) + "\n"  # what it is about
        imports = self._import_lines(names)
        if imports:
            text += "\n" + "\n".join(imports) + "\n"
        kept = {one for name in names for one in self.defined.get(name, ())}
        for statement in sorted(kept, key=lambda one: one.lineno):
            is_block = isinstance(statement, ast.FunctionDef | ast.ClassDef)
            text += ("\n\n" if is_block else "\n") + "\n".join(self._lines_of(statement)) + "\n"
        return text

    def _import_lines(self, names: set[str]) -> list[str]:
        together: dict[str, list[str]] = {}
        for name, one in self.imported.items():
            line = _relative(one, level=self.name.count("."))
            start, _, what = line.partition(" import ")
            if start == "from __future__" or name in names:
                together.setdefault(start if what else line, []).append(what)
        # That of the future comes first, those of the package itself last.
        order = sorted(together, key=lambda start: (start.startswith("from ."), start))
        order.sort(key=lambda start: start != "from __future__")
        return [
            f"{start} import {', '.join(sorted(together[start]))}".removesuffix(" import ")
            for start in order
        ]

    def _lines_of(self, statement: ast.stmt) -> list[str]:
        first = min(one.lineno for one in (statement, *getattr(statement, "decorator_list", ())))
        while self.lines[first - 2].startswith("#"):  # what is said of it above
            first -= 1
        return self.lines[first - 1 : statement.end_lineno]


def _names_bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a file defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        for target in getattr(statement, "targets", None) or [statement.target]:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):  # also of `TURNS[270] = ...`
                    yield node.id


def _relative(statement: ast.Import | ast.ImportFrom, *, level: int) -> str:
    """Return an import as the carried files write it: `har.clips.clip` is `..clips.clip` there.

    Args:
        statement: The import.
        level: How many folders up the package is: 2 from a room, 3 from a folder in one.
    """
    module = getattr(statement, "module", "")
    if not module.startswith(f"{PACKAGE}."):
        return ast.unparse(statement)
    return ast.unparse(ast.ImportFrom(module.partition(".")[2], statement.names, level))


def carry_code(entries: Mapping[str, str], folder: Path) -> None:
    """Write a package with some functions and classes and all that they need of this one.

    Args:
        entries: What the package itself has, by its names there: `har.clips.clip.load_clip`.
        folder: Of the package.

    Raises:
        ValueError: Something needs a whole module of this package, which cannot be carried.
    """
    modules: dict[str, _Module] = {}
    reached: dict[str, set[str]] = {}
    waiting = [tuple(entry.rsplit(".", 1)) for entry in entries.values()]
    while waiting:
        module_name, name = waiting.pop()
        if module_name not in modules:
            modules[module_name] = _Module(module_name)
        module = modules[module_name]
        if name in reached.setdefault(module_name, set()):
            continue
        if name not in {*module.defined, *module.imported}:
            raise ValueError(f"{module_name} has no {name} that could be carried.")
        reached[module_name].add(name)
        waiting += [(module_name, one) for one in module.needs(name)]
        source = getattr(module.imported.get(name), "module", None) or ""
        if source.startswith(f"{PACKAGE}."):
            waiting.append((source, module.imported[name].names[0].name))
    folder.mkdir(parents=True, exist_ok=True)
    for name, names in reached.items():
        file = folder.joinpath(*name.split(".")[1:]).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(modules[name].write(names), encoding="utf-8")
    imports = []
    for name, entry in sorted(entries.items(), key=lambda pair: pair[1]):
        module, _, what = entry.partition(".")[2].rpartition(".")
        imports.append(f"from .{module} import {what} as {name}")
    first = (
        f'"""What the model needs of its project, {PACKAGE}: a copy, made by `{PACKAGE} export`."""'
    )
    (folder / "__init__.py").write_text("\n".join([first, "", *imports, ""]), encoding="utf-8")
