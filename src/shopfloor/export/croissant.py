"""``croissant.json``: what an export holds, in the words of the Croissant format 1.0 (MLCommons).

Every file with its SHA-256, and every table of Parquet with its columns. Who made it, under which
licence, where and when it was published is nobody's here to say, and is left out: a dataset needs
them before it is published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["NAME", "NOTE", "describe"]

NAME = "croissant.json"
NOTE = (
    f"{NAME} names no licence, creator, address and day of publication; add them before you publish"
)
_TYPES: Mapping[str, str] = {
    ".parquet": "application/x-parquet", ".mp4": "video/mp4", ".json": "application/json",
    ".jsonl": "application/jsonlines", ".md": "text/markdown", ".toml": "application/toml",
}  # fmt: skip
_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject",
    "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField",
    "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
    "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}


def describe(folder: Path, name: str, episodes: int) -> None:
    """Write ``croissant.json`` into a folder whose other files are all there.

    Args:
        folder: Of the export.
        name: What it is called.
        episodes: How many there are.

    Raises:
        OSError: The disk cannot take it, or a file cannot be read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    value = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": f"{episodes} episodes of robot cells, exported by shopfloor.",
        "distribution": [*(_file(name, path) for name, path in files.items()),
                         *(_set(table, names) for table, names in _tables(files).items()
                           if len(names) > 1)],
        "recordSet": [_records(table, names, files[names[0]])
                      for table, names in _tables(files).items()],
    }  # fmt: skip
    text = json.dumps(value, ensure_ascii=False, indent=2)
    (folder / NAME).write_text(f"{text}\n", encoding="utf-8")


def _file(name: str, path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _TYPES.get(path.suffix, "application/octet-stream"),
        "sha256": digest,
    }


def _tables(files: Mapping[str, Path]) -> dict[str, list[str]]:
    """Files of Parquet by the table that they are pieces of: chunks are of one table."""
    found: dict[str, list[str]] = {}
    for name in files:
        path = PurePosixPath(name)
        if path.suffix == ".parquet":
            folder = path.parent
            chunked = folder.name.startswith("chunk-")
            table = folder.parent if chunked else path.with_suffix("")
            found.setdefault(table.as_posix(), []).append(name)
    return found


def _set(table: str, names: Sequence[str]) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": _set_id(table),
        "name": _set_id(table),
        "encodingFormat": _TYPES[".parquet"],
        "includes": f"{PurePosixPath(names[0]).parents[1].as_posix()}/*/*.parquet",
    }


def _records(table: str, names: Sequence[str], first: Path) -> dict[str, Any]:
    if len(names) > 1:
        source = {"fileSet": {"@id": _set_id(table)}}
    else:
        source = {"fileObject": {"@id": names[0]}}
    return {
        "@type": "cr:RecordSet",
        "@id": f"records/{table}",
        "name": f"records/{table}",
        "field": list(_fields(table, pq.read_schema(first), source)),
    }


def _fields(table: str, schema: pa.Schema, source: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Columns of plain values and of lists of them; what is nested deeper has no type here."""
    for column in schema:
        kind, repeated = column.type, False
        while pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
            kind, repeated = kind.value_type, True
        if (named := _type(kind)) is None:
            continue
        yield {
            "@type": "cr:Field",
            "@id": f"records/{table}/{column.name}",
            "name": f"records/{table}/{column.name}",
            "dataType": named,
            "source": {**source, "extract": {"column": column.name}},
            **({"repeated": True} if repeated else {}),
        }


def _type(kind: pa.DataType) -> str | None:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    checks = {
        "sc:Boolean": pa.types.is_boolean, "sc:Integer": pa.types.is_integer,
        "sc:Float": pa.types.is_floating, "sc:Text": _is_text, "sc:DateTime": pa.types.is_temporal,
    }  # fmt: skip
    return next((name for name, holds in checks.items() if holds(kind)), None)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _set_id(table: str) -> str:
    return f"files/{table}"
