"""Add everyday AI spend: models, retrieval, endpoints and training, with activity for retrieval and endpoints."""

from focuswatch.simulate.everyday.usage_pattern import usage_pattern
from focuswatch.simulate.meter_catalog import sagemaker
from focuswatch.simulate.organization import BEDROCK_ALWAYS, SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.planned_charge_line import OFFICE, WORKDAYS
from focuswatch.simulate.resource_tags import row_tags

TRAINING_ACCOUNTS = (
    "ml-platform-prod",
    "ml-platform-dev",
    "recommendations-prod",
    "fraud-prod",
    "search-prod",
)
# Meters of each way to buy tokens or other Bedrock usage, with daily quantities. An account uses some of them.
FAMILIES = (
    (("nova_micro_in", 900_000), ("nova_micro_out", 150_000)),
    (("haiku3_in", 160_000), ("haiku3_out", 24_000)),
    (("gpt_oss_in", 300_000), ("gpt_oss_out", 60_000)),
    (("lite_in", 90_000), ("lite_out", 12_000)),
    (("opus_cache", 4_000), ("opus_cache_read", 20_000)),
    (("sonnet_service_in", 14_000), ("sonnet_service_out", 2_500)),
    (("haiku_in", 40), ("haiku_out", 8), ("haiku_cache", 6), ("haiku_cache_read", 60)),
    (("opus_in", 9), ("opus_out", 2)),
    (("gpt_out", 3),),
    (("guardrail", 90_000),),
    (("rerank", 9_000), ("images", 300)),
    (("llama_batch", 12_000),),
)
AGENTS = (("agent_cpu", 220), ("agent_memory", 500), ("agent_gateway", 40_000))  # in one account only
FAMILIES_AN_ACCOUNT = 5


def add_everyday_ai(plan: BillPlan) -> None:
    """Add the everyday AI spend of accounts that use Bedrock, and of those that train and serve models."""
    for account in plan.organization.accounts:
        if account.uses_bedrock:
            _models(plan, account)
            _retrieval(plan, account)
        if account.name in TRAINING_ACCOUNTS:
            _endpoints(plan, account)
            _training(plan, account)


def _tags(plan: BillPlan, account: SimulatedAccount, application: str) -> dict[str, str]:
    return row_tags(plan, account, application, always="team" not in account.tags)


def _models(plan: BillPlan, account: SimulatedAccount) -> None:
    region = account.regions[0]
    scale = 1.0 if account.environment == "prod" else 0.25
    families = plan.rng.sample(FAMILIES, FAMILIES_AN_ACCOUNT)
    for family in (*FAMILIES, AGENTS) if account.name == BEDROCK_ALWAYS else families:
        profile = plan.arn("bedrock", region, account, f"application-inference-profile/{plan.random_id(12)}")
        pattern = usage_pattern(
            plan, account, week=OFFICE if account.environment == "dev" else WORKDAYS
        ).options()
        pattern |= {"resource": plan.rng.choice((profile, None)), "tags": _tags(plan, account, "assistant")}
        size = scale * plan.rng.uniform(0.5, 1.6)
        for meter, daily in family:
            plan.charge(account, meter, region, daily=daily * size, **pattern)


def _retrieval(plan: BillPlan, account: SimulatedAccount) -> None:
    """Add a collection, a domain and an index that are queried every day."""
    region, tags = account.regions[0], _tags(plan, account, "retrieval")
    collection = plan.arn("aoss", region, account, f"collection/{plan.random_id(20)}")
    pool = {"resource": plan.rng.choice((None, collection)), "tags": tags}
    for meter in ("search_ocu", "indexing_ocu"):
        plan.charge(account, meter, region, daily=24 * plan.rng.choice((1, 2, 4)), **pool)
    plan.charge(account, "pool_storage", region, daily=40 / 30, **pool)
    plan.observe(account, region, collection, of=("AWS/AOSS", "SearchRequestRate"), daily=900, week=WORKDAYS)
    domain = plan.arn("es", region, account, f"domain/{account.team}-search")
    plan.charge(account, "domain", region, resource=domain, daily=48, tags=tags)
    plan.observe(account, region, domain, of=("AWS/ES", "SearchRate"), daily=40_000, week=WORKDAYS)
    if account.environment == "prod":
        index = plan.arn("kendra", region, account, f"index/{plan.random_id(8)}-{plan.random_id(12)}")
        plan.charge(account, "kendra_genai", region, resource=index, daily=24, tags=tags)
        plan.observe(account, region, index, of=("AWS/Kendra", "IndexQueryCount"), daily=700, week=OFFICE)


def _endpoints(plan: BillPlan, account: SimulatedAccount) -> None:
    region, tags = account.regions[0], _tags(plan, account, "models")
    for name, instance in (
        ("ranking", "ml.m5.xlarge"),
        ("embedding", "ml.g5.2xlarge"),
        ("scoring", "ml.c5.xlarge"),
    ):
        endpoint = plan.arn("sagemaker", region, account, f"endpoint/{account.team}-{name}")
        plan.charge(account, sagemaker("Host", instance), region, resource=endpoint, daily=48, tags=tags)
        plan.observe(
            account, region, endpoint, of=("AWS/SageMaker", "Invocations"), daily=60_000, week=WORKDAYS
        )
        if ".g5." in instance:
            plan.observe(
                account, region, endpoint, of=("/aws/sagemaker/Endpoints", "GPUUtilization"), daily=55
            )


def _training(plan: BillPlan, account: SimulatedAccount) -> None:
    region, tags = account.regions[0], _tags(plan, account, "models")
    pattern = usage_pattern(plan, account, week=WORKDAYS).options(noise=0.1)
    for kind, instance, daily in (
        ("Train", "ml.m5.2xlarge", 60),
        ("TrSpt", "ml.g5.2xlarge", 90),
        ("Processing", "ml.m5.xlarge", 20),
        ("Tsform", "ml.m5.xlarge", 12),
    ):
        job = plan.arn("sagemaker", region, account, f"training-job/{account.team}-{kind.lower()}-nightly")
        options = {"resource": job, "tags": tags, "hours": "night"} | pattern
        plan.charge(account, sagemaker(kind, instance), region, daily=daily, **options)
    pattern = usage_pattern(plan, account, week=OFFICE).options()
    for kind, instance in (("Notebk", "ml.t3.medium"), ("Studio", "ml.m5.xlarge")):
        desk = plan.arn("sagemaker", region, account, f"notebook-instance/{account.team}-{kind.lower()}")
        options = {"resource": desk, "tags": tags, "hours": "office"} | pattern
        plan.charge(account, sagemaker(kind, instance), region, daily=10, **options)
    plan.charge(account, "ml_storage", region, daily=200 / 30, tags=tags)
