"""The reference page, the JSON Schema and the example agree with the language."""

import json
import tomllib
from pathlib import Path

import pytest
from msgspec.structs import fields

from posthouse.mail.limits import Concurrency, Limits, RetryPolicy, Timeouts
from posthouse.site.model import ChannelDeclaration, Domain, LogDeclaration, Site
from posthouse.site.toml import language, read_site, site_reference, site_schema
from posthouse.site.toml.keys import Shape

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
FIX = "python -c 'from posthouse.site.toml import *; print(site_reference(), end=\"\")' > docs/site.md"


def test_the_reference_page_is_up_to_date():
    assert (ROOT / "docs" / "site.md").read_text() == site_reference(), FIX


def test_the_schema_is_up_to_date():
    assert json.loads((ROOT / "docs" / "site.schema.json").read_text()) == site_schema(), "posthouse schema"


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_examples_are_good_sites(file):
    assert read_site(file).name


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_schema_accepts_the_examples(file):
    assert list(complaints(tomllib.loads(file.read_text()), site_schema(), "")) == []


def test_the_schema_refuses_what_is_unknown():
    wrong = {"site": {"name": "a.example", "nmae": "x"}, "limits": {"recipients": 5}, "listener": [{}]}

    assert sorted(complaints(wrong, site_schema(), "")) == [
        "/limits/recipients: minimum",
        "/listener/0: address is required",
        "/site: nmae is unknown",
    ]


def test_the_example_uses_every_key():
    rules, site = (tomllib.loads((ROOT / "examples" / name).read_text()) for name in ("rewriting.toml", "site.toml"))
    document = {**rules, **site}  # what counts beside rule sets alone stands beside them

    missing = []
    for section in language.SECTIONS:
        if section in (language.MMDF, language.REWRITING):
            continue  # other ways to say where addresses go; examples/mmdf.toml and examples/rewriting.toml have them
        part = document[section.name]
        tables = {Shape.SINGLE: lambda part: [part], Shape.REPEATED: list, Shape.NAMED: lambda part: part.values()}
        used = {key for table in tables[section.shape](part) for key in table}
        missing += [f"{section.name}.{key.name}" for key in section.keys if key.name not in used]

    assert missing == []


@pytest.mark.parametrize(
    ("section", "model", "besides"),
    [
        (language.LIMITS, Limits, set()),
        (language.TIMEOUTS, Timeouts, set()),
        (language.RETRY, RetryPolicy, set()),
        (language.CONCURRENCY, Concurrency, set()),
        (language.LOG, LogDeclaration, set()),
        # Source routes are written by channels of an mmdftailor alone.
        (language.CHANNELS, ChannelDeclaration, {"name", "origin", "sends_paths"}),
        (language.DOMAINS, Domain, {"name", "origin", "login_names"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_everything_in_the_model_can_be_said(section, model, besides):
    assert {key.field_name for key in section.keys} == {field.name for field in fields(model)} - besides


def test_everything_in_the_site_can_be_said():
    sections = {"domains", "channels", "routes", "tables", "aliases", "listeners", "limits", "timeouts", "retry"}
    sections |= {"concurrency", "log", "metrics", "nameservers", "virtual", "mailertables", "passwd"}
    derived = {"home", "file", "files"}
    of_the_old_languages = {"complaints", "without_effect", "mmdf", "cf"}

    assert {key.field_name for key in language.SITE.keys} == (
        {field.name for field in fields(Site)} - sections - derived - of_the_old_languages
    )


def complaints(value, schema, path):
    """Check a value against the part of JSON Schema that our schema uses."""
    if "oneOf" in schema:
        fitting = [each for each in schema["oneOf"] if not list(complaints(value, each, path))]
        if len(fitting) != 1:
            yield f"{path}: fits {len(fitting)} of oneOf"
        return
    types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if not isinstance(value, types[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        yield f"{path}: not {schema['type']}"
    elif isinstance(value, dict):
        yield from (f"{path}: {name} is required" for name in schema.get("required", ()) if name not in value)
        rest = schema.get("additionalProperties", {})
        for name, below in value.items():
            each = schema.get("properties", {}).get(name, rest)
            if each is True:
                continue  # anything
            yield from complaints(below, each, f"{path}/{name}") if each else [f"{path}: {name} is unknown"]
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from complaints(below, schema["items"], f"{path}/{index}")
    elif value < schema.get("minimum", value) if isinstance(value, int) else value not in schema.get("enum", [value]):
        yield f"{path}: minimum"
