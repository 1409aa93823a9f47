"""The AI services that a bill has charges for: a detection of other services is not run, since it would return no rows.

The header key `ai_families` states the services of a detection; `focuswatch check` compares it with the SQL.
"""

from collections.abc import Collection, Iterable, Sequence

from focuswatch.catalog.sql_catalog import Detection
from focuswatch.catalog.sql_header_fields import AiFamily
from focuswatch.engines import Engine
from focuswatch.errors import QueryError
from focuswatch.findings.count_text import count_text

# One statement a scan, over two columns of a stored table with few values. It reads all days, so that no lookback
# window or baseline of a detection is longer.
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
    """Return the AI families that the bill has charges of; None if no detection needs them, or if they are unknown.

    `engine` is that over the charges of all providers.
    """
    if not any(detection.header.ai_families for detection in detections):
        return None
    try:
        rows = engine.query(CHARGED, label="services on the bill")
    except QueryError:
        return None  # every detection runs, and fails with its own error if it reads the same table
    families = {str(row["ai_family"]) for row in rows}
    families |= {"any"} if rows else set()
    families |= {"gpu"} if any(row["is_gpu"] for row in rows) else set()
    return frozenset(families)


def services_not_on_bill(detection: Detection, *, charged: Collection[str] | None) -> tuple[str, ...]:
    """Return the names of the detection's services if the bill has charges of none of them, or else nothing."""
    declared = detection.header.ai_families
    if charged is None or not set(declared).isdisjoint(charged):
        return ()
    return tuple(SERVICE_NAMES[family] for family in declared)


def not_run_text(services: Iterable[Sequence[str]]) -> str | None:
    """Return which detections were not run, given their services_not_on_bill; None if each was run."""
    absent = [names for names in services if names]
    if not absent:
        return None
    services = ", ".join(named_services(absent))
    return f"{count_text(len(absent), 'detection')} for services that are not on the bill ({services})"


def named_services(services: Iterable[Sequence[str]]) -> list[str]:
    """Return the names of services without duplicates; if there is no AI service at all, only that."""
    names = {name for names in services for name in names}
    return [ANY] if ANY in names else sorted(names, key=str.lower)
