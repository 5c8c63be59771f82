"""An inspection for its readers: a text for the terminal, JSON for programs, a page to look at.

The page is one file that needs nothing else: pictures are within it, and it has no script.
"""

import base64
import json
from collections import Counter
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from har.inspect import INFO_COLUMNS, Inspection
from har.splits import SPLITS

MAX_NAMED = 6  # kinds of sizes, codecs and the like that are named one by one
MAX_DETAILS_IN_TERMINAL = 5
MAX_ROWS = 2000  # files listed on the page, and lines of details of one problem
NUM_BINS = 24
VERDICTS = {True: "These videos can be trained on.", False: "These videos cannot be trained on."}
GROUPED_BY = {
    "metadata.csv": "by metadata.csv",
    "dataset.subject_pattern": "by their file names",
    "video": "nobody says who is who",
    "": "who is who is unclear",
}
CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4 or mov", "matroska,webm": "mkv or webm"}
FILE_COLUMNS = ("path", "label", "subject", "split", "status", "reason", *INFO_COLUMNS)


def describe_inspection(inspection: Inspection, *, page: str) -> str:
    """Return the text for the terminal.

    Args:
        inspection: What was found.
        page: Where the page was written.
    """
    lines = [f"{inspection.folder}: {_headline(inspection)}", ""]
    lines += _aligned(*_label_table(inspection))
    lines.append("")
    for name, kinds in count_kinds(inspection).items():
        said = ", ".join(f"{kind} ({number})" for kind, number in kinds)
        lines.append(f"{name:<12}{said}")
    for problem in inspection.problems:
        lines += ["", f"{'error' if problem.blocks else 'note'}: {problem.what}"]
        lines += [f"  {line}" for line in problem.details[:MAX_DETAILS_IN_TERMINAL]]
        if len(problem.details) > MAX_DETAILS_IN_TERMINAL:
            lines.append(f"  and {len(problem.details) - MAX_DETAILS_IN_TERMINAL} more, in {page}")
    lines += ["", VERDICTS[inspection.can_train], f"Look at them in {page}"]
    return "\n".join(lines)


def inspection_as_json(inspection: Inspection, *, page: str) -> str:
    """Return the inspection as JSON: verdict, problems, labels, kinds, and every file.

    Args:
        inspection: What was found.
        page: Where the page was written.
    """
    videos = inspection.videos[list(FILE_COLUMNS)].astype(object)
    content = {
        "folder": inspection.folder.as_posix(),
        "can_train": inspection.can_train,
        "grouped_by": inspection.grouped_by,
        "page": page,
        "problems": [
            {"blocks": problem.blocks, "what": problem.what, "details": list(problem.details)}
            for problem in inspection.problems
        ],
        "labels": inspection.labels.to_dict("records"),
        "kinds": {
            name: dict(kinds) for name, kinds in count_kinds(inspection, max_named=None).items()
        },
        "videos": videos.to_dict("records"),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def render_page(inspection: Inspection) -> str:
    """Return the page as HTML; names of files and labels are escaped."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["seconds"] = _seconds
    usable = inspection.usable
    header, rows = _label_table(inspection)
    most = max([1, *inspection.labels.get("videos", [])])
    return environment.from_string(PAGE).render(
        title=inspection.folder.resolve().name,
        headline=_headline(inspection),
        verdict=VERDICTS[inspection.can_train],
        can_train=inspection.can_train,
        problems=inspection.problems,
        header=header,
        rows=rows,
        most=most,
        kinds=count_kinds(inspection),
        num_usable=len(usable),
        bars=_histogram(usable["duration_seconds"].astype(float).to_numpy()),
        sheets=_sheets(usable),
        files=inspection.videos.head(MAX_ROWS).to_dict("records"),
        num_files=len(inspection.videos),
        max_rows=MAX_ROWS,
    )


def count_kinds(
    inspection: Inspection, *, max_named: int | None = MAX_NAMED
) -> dict[str, list[tuple[str, int]]]:
    """Count what differs between the usable videos, the commonest first.

    Args:
        inspection: What was found.
        max_named: How many kinds to name; the rest are counted together. None for all.

    Returns:
        Kinds and their numbers of videos, by what they are kinds of.
    """
    usable = inspection.usable
    kinds = {
        "sizes": [f"{row.width}x{row.height}" for row in usable.itertuples()],
        "frame rates": [_frame_rate(row) for row in usable.itertuples()],
        "codecs": [f"{row.codec} {row.pixel_format}" for row in usable.itertuples()],
        "containers": [CONTAINERS.get(name, name) for name in usable["container"]],
        "rotation": [f"{rotation}°" for rotation in usable["rotation"]],
    }
    if inspection.grouped_by not in ("", "video"):
        kinds["people"] = list(usable["subject"])
    return {name: _commonest(values, max_named) for name, values in kinds.items()}


def _commonest(values: list[str], max_named: int | None) -> list[tuple[str, int]]:
    counts = sorted(Counter(values).items(), key=lambda kind: (-kind[1], kind[0]))
    if max_named is None or len(counts) <= max_named:
        return counts
    others = counts[max_named - 1 :]
    return [
        *counts[: max_named - 1],
        (f"{len(others)} others", sum(number for _, number in others)),
    ]


def _frame_rate(row: Any) -> str:
    if not row.constant_frame_rate:
        return "varying"
    # 29.97 and 23.98 keep their decimals, 30.0 becomes 30.
    return f"{row.fps:.2f}".rstrip("0").rstrip(".")


def _headline(inspection: Inspection) -> str:
    usable = inspection.usable
    minutes = usable["duration_seconds"].astype(float).sum() / 60
    people = usable.loc[usable["subject"] != "", "subject"].nunique()
    who = GROUPED_BY[inspection.grouped_by]
    if inspection.grouped_by not in ("", "video"):
        who = f"{people} people ({who})"
    return (
        f"{len(usable)} usable videos of {len(inspection.videos)} files, "
        f"{usable['label'].nunique()} labels, {who}, {minutes:.1f} minutes"
    )


def _has_split(inspection: Inspection) -> bool:
    return bool(len(inspection.labels)) and bool(inspection.labels[list(SPLITS)].to_numpy().any())


def _label_table(inspection: Inspection) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows; columns that have nothing to say are left out."""
    labels = inspection.labels
    counts = ["videos", "people", *(SPLITS if _has_split(inspection) else ())]
    counts += [name for name in ("failed", "duplicates") if len(labels) and labels[name].any()]
    seconds = {"shortest": "min_seconds", "median": "median_seconds", "longest": "max_seconds"}
    rows = [
        [
            row["label"],
            *(str(row[name]) for name in counts),
            *(_seconds(row[name]) for name in seconds.values()),
        ]
        for row in labels.to_dict("records")
    ]
    return ["label", *counts, *seconds], rows


def _aligned(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return lines with the first column to the left and all others to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])],
        )
        for row in [header, *rows]
    ]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _histogram(seconds: np.ndarray) -> list[dict[str, Any]]:
    """Return the bars of a histogram, each with its height from 0 to 100 and its range."""
    if not len(seconds):
        return []
    counts, edges = np.histogram(seconds, bins=NUM_BINS, range=(0, max(1.0, seconds.max())))
    return [
        {
            "height": 100 * int(count) / int(counts.max()),
            "count": int(count),
            "start": float(start),
            "end": float(end),
        }
        for count, start, end in zip(counts, edges, edges[1:], strict=False)
    ]


def _sheets(usable: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each label the videos that have a strip, each as a data URI."""
    shown = usable[usable["strip"].map(len) > 0]
    return [
        {
            "label": label,
            "num_videos": int((usable["label"] == label).sum()),
            "videos": [
                {
                    "path": row.path,
                    "name": row.video_id.removeprefix(f"{label}/"),
                    "seconds": row.duration_seconds,
                    "uri": f"data:image/jpeg;base64,{base64.b64encode(row.strip).decode()}",
                }
                for row in group.itertuples()
            ],
        }
        for label, group in shown.groupby("label")
    ]


PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{{ title }}: videos</title>
<style>
:root {
  color-scheme: light dark;
  --back: #fafaf8; --card: #ffffff; --ink: #22252a; --soft: #6b7078; --line: #e3e3de;
  --bar: #4f7cac; --good: #2e7d4f; --bad: #b3382c; --note: #9a6b00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #17181b; --card: #1f2125; --ink: #e4e5e7; --soft: #9aa0a8; --line: #33363c;
    --bar: #6d9ccd; --good: #6cc08e; --bad: #ee8276; --note: #d8ac52;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 28px 80px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 44px 0 12px; }
h3 { font-size: 15px; margin: 24px 0 8px; overflow-wrap: anywhere; }
p { margin: 0; }
.soft, h3 span { color: var(--soft); font-weight: normal; }
.verdict { margin: 20px 0 0; padding: 12px 16px; border-left: 4px solid var(--good);
  background: var(--card); font-weight: 600; }
.verdict.bad { border-color: var(--bad); }
.problem { margin: 10px 0 0; padding: 10px 16px; border-left: 4px solid var(--note);
  background: var(--card); overflow-wrap: anywhere; }
.problem.bad { border-color: var(--bad); }
.problem b { color: var(--note); } .problem.bad b { color: var(--bad); }
.problem ul { margin: 6px 0 0; padding-left: 20px; color: var(--soft); font-size: 13px; }
details > summary { cursor: pointer; color: var(--soft); margin-top: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: var(--card);
  font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 600; font-size: 13px; color: var(--soft); }
td { text-align: right; }
th, td { padding: 6px 12px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th.text, td.text { text-align: left; }
td.wide { width: 30%; min-width: 120px; }
.bar { display: block; height: 10px; background: var(--bar); border-radius: 2px; }
.kinds { display: grid; gap: 16px 40px;
  grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); }
.kinds h3 { margin: 0 0 4px; }
.kind { display: grid; grid-template-columns: 130px 1fr 44px; gap: 10px; align-items: center;
  font-size: 13px; }
.kind span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: 110px; }
svg rect { fill: var(--bar); }
.axis { display: flex; justify-content: space-between; font-size: 13px; color: var(--soft);
  border-top: 1px solid var(--line); padding-top: 2px; }
.sheet { display: flex; flex-wrap: wrap; gap: 12px 18px; }
figure { margin: 0; max-width: 100%; }
figure img { display: block; max-width: 100%; border-radius: 3px; }
figcaption { font-size: 12px; color: var(--soft); width: 0; min-width: 100%;
  overflow-wrap: anywhere; }
.files { font-size: 13px; }
.files td { white-space: normal; overflow-wrap: anywhere; }
.files td.number { white-space: nowrap; }
</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
<p class="soft">{{ headline }}</p>
<p class="verdict{{ '' if can_train else ' bad' }}">{{ verdict }}</p>
{% for problem in problems %}
<div class="problem{{ ' bad' if problem.blocks }}">
  <b>{{ 'Error' if problem.blocks else 'Note' }}</b> {{ problem.what }}
  {% if problem.details %}
  <details{{ ' open' if problem.details|length <= 5 }}>
    <summary>{{ problem.details|length }} listed</summary>
    <ul>
    {% for line in problem.details[:max_rows] %}
      <li>{{ line }}</li>
    {% endfor %}
    {% if problem.details|length > max_rows %}
      <li>and {{ problem.details|length - max_rows }} more, in the output of --json</li>
    {% endif %}
    </ul>
  </details>
  {% endif %}
</div>
{% endfor %}

<h2>Labels</h2>
<div class="scroll"><table>
<tr><th class="text">label</th><th></th>
  {% for name in header[1:] %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in rows %}
<tr><td class="text">{{ row[0] }}</td>
  <td class="wide"><span class="bar" style="width:{{ 100 * row[1]|int / most }}%"></span></td>
  {% for value in row[1:] %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}
</table></div>
{% if num_usable %}

<h2>What they are</h2>
<div class="kinds">
<section><h3>lengths</h3>
<svg viewBox="0 0 {{ bars|length }} 100" preserveAspectRatio="none" role="img"
     aria-label="Histogram of the lengths of the videos">
{% for bar in bars %}
<rect x="{{ loop.index0 + 0.06 }}" width="0.88"
      y="{{ 100 - bar.height }}" height="{{ bar.height }}">
<title>{{ bar.start|seconds }} to {{ bar.end|seconds }}: {{ bar.count }}</title></rect>
{% endfor %}
</svg>
<div class="axis"><span>0 s</span><span>{{ bars[-1].end|seconds }}</span></div>
</section>
{% for name, counts in kinds.items() %}
<section><h3>{{ name }}</h3>
{% for kind, number in counts %}
<div class="kind"><span>{{ kind }}</span>
  <span><span class="bar" style="width:{{ 100 * number / num_usable }}%"></span></span>
  <span>{{ number }}</span></div>
{% endfor %}
</section>
{% endfor %}
</div>

<h2>A few of each</h2>
{% for sheet in sheets %}
<h3>{{ sheet.label }} <span>{{ sheet.videos|length }} of {{ sheet.num_videos }}</span></h3>
<div class="sheet">
{% for video in sheet.videos %}
<figure><img src="{{ video.uri }}" alt="Frames of {{ video.path }}">
<figcaption>{{ video.name }} · {{ video.seconds|seconds }}</figcaption></figure>
{% endfor %}
</div>
{% endfor %}
{% endif %}

<h2>Files</h2>
<details>
<summary>{{ num_files }} files{% if num_files > max_rows %}, the first {{ max_rows }} listed; \
all are in the output of --json{% endif %}</summary>
<div class="scroll"><table class="files">
<tr><th class="text">file</th><th class="text">person</th><th class="text">split</th>
  <th class="text">status</th><th>length</th><th>size</th><th class="text">reason</th></tr>
{% for file in files %}
<tr><td class="text">{{ file.path }}</td><td class="text">{{ file.subject }}</td>
  <td class="text">{{ file.split }}</td><td class="text">{{ file.status }}</td>
  <td class="number">{{ file.duration_seconds|seconds }}</td>
  <td class="number">{% if file.width %}{{ file.width }}x{{ file.height }}{% endif %}</td>
  <td class="text">{{ file.reason }}</td></tr>
{% endfor %}
</table></div>
</details>
</main>
</body>
</html>
"""
