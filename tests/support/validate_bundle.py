"""Validates the descriptions of a bundle with the programs of others; run by a Python that has `validators.txt`.

    python tests/support/validate_bundle.py DIRECTORY [LICENCE ...]

Prints a JSON object: program -> list of what it finds wrong; and the licences that CITATION.cff cannot name.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def frictionless_faults() -> list[str]:
    from frictionless import validate

    report = validate("datapackage.json")
    return [] if report.valid else [str(row) for row in report.flatten(["type", "message"])][:10]


def croissant_faults() -> list[str]:
    import mlcroissant

    dataset = mlcroissant.Dataset("croissant.json")
    faults = [str(error) for error in dataset.metadata.ctx.issues.errors]
    names = [records.uuid for records in dataset.metadata.record_sets]
    return faults + [f"{name} has no records" for name in names if not any(dataset.records(name))]


def crate_faults() -> list[str]:
    from rocrate.rocrate import ROCrate
    from rocrate_validator import models, services

    vocabulary = (importlib.resources.files("rocrate") / "data" / "ro-crate.jsonld").read_bytes()
    serve_context(vocabulary)
    settings = services.ValidationSettings(
        rocrate_uri=Path.cwd(),
        profile_identifier="ro-crate-1.1",
        requirement_severity=models.Severity.REQUIRED,
    )
    result = services.validate(settings)
    faults = [f"{issue.severity.name}: {issue.message}" for issue in result.get_issues()]
    listed = {entity.id for entity in ROCrate(".").data_entities}
    files = {file.name for file in Path().iterdir()} - {
        "ro-crate-metadata.json",
        "datapackage.json",
        "croissant.json",
        "SHA256SUMS",
    }
    return faults + [f"lists other files: {sorted(listed ^ files)}"] * (listed != files)


def citation_faults() -> list[str]:
    import jsonschema
    import yaml

    validator = jsonschema.Draft7Validator(citation_schema())
    content = yaml.load(Path("CITATION.cff").read_text(encoding="utf-8"), yaml.BaseLoader)  # dates stay texts
    return [f"{error.json_path}: {error.message}"[:300] for error in validator.iter_errors(content)]


def citation_schema() -> Any:
    listed = importlib.metadata.files("cffconvert") or []
    (schema,) = [file for file in listed if file.match("schemas/1.2.0/schema.json")]
    return json.loads(schema.read_text(encoding="utf-8"))


def unknown_licences(names: list[str]) -> list[str]:
    return sorted({*names} - {*citation_schema()["definitions"]["license-enum"]["enum"]})


def serve_context(vocabulary: bytes) -> None:
    """Answer requests for the vocabulary from the file that ro-crate-py has of it, without a network."""
    import requests
    from urllib3 import HTTPResponse

    def answer(_: Any, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 200 if request.url == CONTEXT else 404
        response.url, response.request = str(request.url), request
        response.headers["Content-Type"] = "application/ld+json"
        response.raw = HTTPResponse(io.BytesIO(vocabulary), headers=response.headers, preload_content=False)
        return response

    requests.adapters.HTTPAdapter.send = answer


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    checks = {
        "frictionless": frictionless_faults,
        "croissant": croissant_faults,
        "ro-crate": crate_faults,
        "citation": citation_faults,
    }
    found = {name: check() for name, check in checks.items()}
    found["licences"] = unknown_licences(sys.argv[2:])
    sys.stdout.write("\n" + json.dumps(found) + "\n")
