"""The settings as a JSON schema, by which editors complete and check params.yaml.

Written by `python -m har.settings.schema`; the first line of params.yaml names the file.
"""

import json
from pathlib import Path
from typing import Any

from har.models.contract import model_names, settings_type
from har.settings.root import Settings

SCHEMA = Path("docs/params.schema.json")


def settings_schema() -> dict[str, Any]:
    """Return the JSON schema of params.yaml, with a section for each model."""
    schema = Settings.model_json_schema()
    for name in model_names():
        own = settings_type(name).model_json_schema()
        schema["$defs"] |= own.pop("$defs", {})
        schema["$defs"][f"models.{name}"] = _described(own, name)
    schema["properties"]["models"] = {
        "type": "object",
        "description": "Settings of each model.",
        "properties": {name: {"$ref": f"#/$defs/models.{name}"} for name in model_names()},
        "additionalProperties": False,
    }
    schema["$defs"].pop("ModelSettings", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _described(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """Describe the settings whose default a model changes as the class that has them first."""
    for key, node in schema["properties"].items():
        for kind in settings_type(name).__mro__:
            field = getattr(kind, "model_fields", {}).get(key)
            if field is not None and field.description:
                node.setdefault("description", field.description)
    return schema


def write_schema(path: Path = SCHEMA) -> None:
    """Write the schema."""
    text = json.dumps(settings_schema(), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_schema()
