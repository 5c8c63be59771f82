"""Stage `settings`: a wrong params.yaml is refused even where nothing has to be rebuilt."""

from pathlib import Path

from har.engine.stage import run_stage
from har.settings import load_settings


def main(params: Path) -> None:
    """Refuse settings that are unknown, of the wrong type, out of range or contradictory."""
    load_settings(params)
    print(f"settings: {params} can be used")


if __name__ == "__main__":
    run_stage(main)
