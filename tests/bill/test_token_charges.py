"""Meters of Bedrock are parsed in one place: model, token type, tier and millions of tokens."""

from datetime import date

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect

AS_OF = date(2026, 3, 31)
EDITION = "Claude Opus 5.5 (Amazon Bedrock Edition)"
OPUS = "Claude Opus 5.5"


@pytest.fixture(scope="module")
def connection():
    opened = connect()
    yield opened
    opened.close()


def read(connection, **charge):
    """Return the rows of token_charges for one charge of Bedrock."""
    baseline = {"ServiceName": "Amazon Bedrock", "ConsumedQuantity": 2000.0, "ConsumedUnit": "1K tokens"}
    case = Case(
        name="one charge", kind="quiet", charges=[baseline | {"charge_date": date(2026, 3, 20)} | charge]
    )
    create_input_tables(connection, case, file=CaseFile.model_construct(charge={}, activity_row={}))
    create_owner_and_computed_local_tables.create_views(connection, Catalog.load(), values={"as_of": AS_OF})
    return connection.execute("SELECT model, token_kind, tier, million_tokens FROM token_charges").fetchall()


@pytest.mark.parametrize(
    ("meter", "model", "kind", "tier"),
    [
        ("USE1-NovaMicro-input-tokens", "NovaMicro", "input", "on demand"),
        ("NovaMicro-output-tokens", "NovaMicro", "output", "on demand"),
        ("USE1-Llama3-1-405B-output-tokens-batch", "Llama3-1-405B", "output", "batch"),
        ("USE1-NovaPro-input-tokens-latency-optimized", "NovaPro", "input", "latency optimized"),
        ("USE1-Gemma-3-4B-IT-input-tokens-flex", "Gemma-3-4B-IT", "input", "flex"),
        ("USE1-Nova2.0Pro-text-input-tokens-priority-cross-region-global", "Nova2.0Pro", "input", "priority"),
        ("USE1-Nova2.0Lite-input-tokens-custom-model", "Nova2.0Lite", "input", "custom model"),
        ("EU-TitanEmbeddingV2-Text-input-tokens", "TitanEmbeddingV2", "input", "on demand"),
        # Here, "Batch" is part of the model's name.
        ("USE1-BatchWriter-input-tokens", "BatchWriter", "input", "on demand"),
        (
            "USE1-openai.gpt-oss-120b-mantle-input-tokens-standard",
            "openai.gpt-oss-120b",
            "input",
            "on demand",
        ),
        (
            "USE1-gpt-5.6-luna-mantle-cache-write-tokens-5m-long-ctx-flex",
            "gpt-5.6-luna",
            "cache write",
            "flex",
        ),
        ("USE1-Claude4Sonnet-input-tokens-cross-region-global-batch", "Claude4Sonnet", "input", "batch"),
        (
            "USE1-Claude4.6Opus-cache-read-input-token-count-cross-region-global",
            "Claude4.6Opus",
            "cache read",
            "on demand",
        ),
    ],
)
def test_model_is_parsed_from_aws_meters(connection, meter, model, kind, tier):
    """Meters have legacy, mantle and service formats. Two million tokens are 2,000 units of a thousand tokens."""
    assert read(connection, SkuMeter=meter) == [(model, kind, tier, 2.0)]


@pytest.mark.parametrize(
    ("meter", "kind", "tier"),
    [
        ("USE1-MP:USE1_InputTokenCount-Units", "input", "on demand"),
        ("USE1-MP:USE1_OutputTokenCount_Global-Units", "output", "on demand"),
        ("USE1-MP:USE1_CacheReadInputTokenCount-Units", "cache read", "on demand"),
        ("USE1-MP:USE1_CacheWrite1hInputTokenCount_Global-Units", "cache write", "on demand"),
        ("USE1-MP:USE1_MillionBatchOutputTokens-Units", "output", "batch"),
        ("USW2-MP:USW2_cache_write_tokens_1h_global_standard-Units", "cache write", "on demand"),
        ("USW2-MP:USW2_output_tokens_flex-Units", "output", "flex"),
    ],
)
def test_model_of_a_marketplace_meter_is_its_service(connection, meter, kind, tier):
    """Meters are in camel case or snake case. A unit is a million tokens."""
    charge = {"ServiceName": EDITION, "SkuMeter": meter, "ConsumedUnit": "Units", "ConsumedQuantity": 2.0}
    assert read(connection, **charge) == [(OPUS, kind, tier, 2.0)]


@pytest.mark.parametrize(
    ("unit", "quantity", "millions"),
    [
        ("1K tokens", 3000.0, 3.0),
        ("1,000 tokens", 3000.0, 3.0),
        ("Thousand tokens", 3000.0, 3.0),
        ("1M tokens", 3.0, 3.0),
        ("1,000,000 tokens", 3.0, 3.0),
        ("Million InputTokenCount", 3.0, 3.0),
        ("Tokens", 3_000_000.0, 3.0),
        (None, 3000.0, 3.0),  # AWS's own meters count thousands
    ],
)
def test_unit_of_the_bill_is_used(connection, unit, quantity, millions):
    """AWS changed a unit before; the meter's family decides only if the bill has no unit."""
    charge = {"SkuMeter": "USE1-NovaPro-input-tokens", "ConsumedUnit": unit, "ConsumedQuantity": quantity}
    ((_, _, _, result),) = read(connection, **charge)
    assert result == pytest.approx(millions)


@pytest.mark.parametrize(
    "charge",
    [
        {"SkuMeter": "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits"},
        {"SkuMeter": "USE1-MP:USE1_Reserved_3Month_OutputTokensPM_Global-Units", "ServiceName": EDITION},
        {"SkuMeter": "USE1-NovaPro-Customization-Training-tokens"},
        {"SkuMeter": "Guardrail-ContextualGroundingPolicy-input-tokens"},
        {"SkuMeter": "NovaCanvas-T2I-1024-Standard-created_image"},
        {"SkuMeter": "USE1-NovaPro-input-tokens", "ChargeCategory": "Credit"},
        {"SkuMeter": "USE1-NovaPro-input-tokens", "ChargeClass": "Correction"},
        {"SkuMeter": "USE1-NovaPro-input-tokens", "ConsumedQuantity": 0.0},
        {"SkuMeter": "USE1-Words-input-tokens", "ServiceName": "Amazon Comprehend"},
    ],
)
def test_other_charges_are_excluded(connection, charge):
    """They are capacity, training, guardrails, images, credits, corrections, zero quantities and other services."""
    assert read(connection, **charge) == []


@pytest.mark.parametrize(
    ("meter", "unit", "millions"),
    [
        ("TOKEN", "DBU", None),  # Databricks: https://docs.databricks.com/aws/en/admin/system-tables/billing
        ("llama tokens", "Credits", None),
        ("gpt-4o input tokens", "Hours", None),
        ("gpt-4o input tokens", "Requests", None),
        ("gpt-4o input tokens", "1K", 2.0),
        ("gpt 4o 0513 Input regional Tokens", "Units", 0.002),
        ("gpt-4o, input", "Tokens", 0.002),
    ],
)
def test_quantity_in_another_unit_is_not_counted_as_tokens(connection, meter, unit, millions):
    """Meters of other providers: a price per million tokens from DBU would be wrong by orders of magnitude."""
    rows = read(
        connection,
        ProviderName="Databricks",
        ServiceCategory="AI and Machine Learning",
        ServiceName="MODEL_SERVING",
        SkuMeter=meter,
        ConsumedUnit=unit,
    )
    assert [round(row[3], 6) for row in rows] == ([] if millions is None else [millions])
