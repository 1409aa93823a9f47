"""Determine which AI services a bill has charges for, to skip detections that would return no rows.

The header key `ai_families` lists the AI services of a detection; `focuswatch check` compares it with the SQL.
"""

from collections.abc import Collection, Iterable, Sequence

from focuswatch.catalog.sql_catalog import Detection
from focuswatch.catalog.sql_header_models import AiFamily
from focuswatch.engines import Engine
from focuswatch.errors import QueryError
from focuswatch.findings.count_text import count_text

# Runs once per scan and reads two columns with few distinct values from a stored table. It covers all days of the
# bill, so no detection's lookback window or baseline reaches further back.
CHARGED = """
SELECT DISTINCT
    ai_family,
    is_gpu
FROM ai_charges
"""
ANY = "AI services"
SERVICE_NAMES: dict[AiFamily, str] = {
    "any": ANY,
    "agentcore": "Amazon Bedrock AgentCore",
    "ai_service": "AI services from other providers",
    "bedrock": "Amazon Bedrock",
    "devops_agent": "AWS DevOps Agent",
    "gpu": "GPU instances",
    "kendra": "Amazon Kendra",
    "kiro": "Kiro",
    "model_api": "model APIs from other providers",
    "nova_act": "Amazon Nova Act",
    "opensearch_serverless": "Amazon OpenSearch Serverless",
    "q": "Amazon Q",
    "quick": "Amazon Quick",
    "sagemaker": "Amazon SageMaker AI",
}


def charged_ai_families(engine: Engine, *, detections: Iterable[Detection]) -> frozenset[str] | None:
    """Return the AI families with charges on the bill; None if no detection needs them, or if the query fails.

    `engine` must read the charges of all providers.
    """
    if not any(detection.header.ai_families for detection in detections):
        return None
    try:
        rows = engine.query(CHARGED, label="services on the bill")
    except QueryError:
        return None  # every detection then runs; one that reads the same table reports its own error
    families = {str(row["ai_family"]) for row in rows}
    families |= {"any"} if rows else set()
    families |= {"gpu"} if any(row["is_gpu"] for row in rows) else set()
    return frozenset(families)


def services_not_on_bill(detection: Detection, *, charged: Collection[str] | None) -> tuple[str, ...]:
    """Return the names of the detection's AI services if the bill has charges for none of them, else an empty tuple."""
    declared = detection.header.ai_families
    if charged is None or not set(declared).isdisjoint(charged):
        return ()
    return tuple(SERVICE_NAMES[family] for family in declared)


def not_run_text(services: Iterable[Sequence[str]]) -> str | None:
    """Return a text about the detections that were not run, given the missing services of each; None if all ran."""
    absent = [names for names in services if names]
    if not absent:
        return None
    services = ", ".join(named_services(absent))
    return f"{count_text(len(absent), 'detection')} for services that are not on the bill ({services})"


def named_services(services: Iterable[Sequence[str]]) -> list[str]:
    """Return the distinct names of services, sorted; only `AI services` if that is among them."""
    names = {name for names in services for name in names}
    return [ANY] if ANY in names else sorted(names, key=str.lower)
