"""Makes `.dvc/plots/page.html`: DVC's page of plots with its drawing library in it.

DVC's own page loads Vega from the internet, and is empty without. The versions are those that DVC
names. In an empty folder, for each of them, as `vega@5.20.2`:

    npm pack vega@5.20.2 vega-lite@5.2.0 vega-embed@6.18.2
    cd PROJECT && python -m benchmarks.make_plots_page FOLDER
"""

import re
import sys
import tarfile
from pathlib import Path

from dvc_render.vega import VegaRenderer

PAGE = Path(".dvc/plots/page.html")
TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
    {{refresh_tag}}
    <meta charset="utf-8">
    <title>DVC plots</title>
    <!--
{notices}
    -->
{scripts}
    <style>
        table {{ border-spacing: 15px; }}
    </style>
</head>
<body>
    {{plot_divs}}
</body>
</html>
"""


def main(folder: Path) -> None:
    """Write the page from the packages in a folder."""
    notices, scripts = [], []
    for name, version in library_versions().items():
        with tarfile.open(folder / f"{name}-{version}.tgz") as package:
            read = {
                path: package.extractfile(f"package/{path}").read().decode("utf-8")
                for path in ("LICENSE", f"build/{name}.min.js")
            }
        script = re.sub(r"//# sourceMappingURL=.*", "", read[f"build/{name}.min.js"]).strip()
        notices.append(f"{name} {version}\n\n{read['LICENSE'].strip()}")
        scripts.append(f'    <script data-library="{name}@{version}">{script}</script>')
    page = TEMPLATE.format(notices="\n\n".join(notices), scripts="\n".join(scripts))
    PAGE.write_text(page, encoding="utf-8")


def library_versions() -> dict[str, str]:
    """Return the packages that DVC's page loads, and their versions, in order."""
    return dict(re.findall(r"/([a-z-]+)@([0-9.]+)", VegaRenderer.SCRIPTS))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
