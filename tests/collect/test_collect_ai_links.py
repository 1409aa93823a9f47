"""Links are read from the control plane; resources that could not be read today keep their stored links."""

from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from focuswatch.collect.collect_ai_links import collect_links
from focuswatch.collect.counts_and_refusals_of_collected_account import CollectedAccount
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.collect.services_not_offered import ServicesNotOffered
from tests.given.cloud import (
    FUNCTION,
    TODAY,
    Cloud,
    RefusedError,
    agent,
    aurora_cluster,
    endpoint,
    gateway,
    knowledge_base,
)

ACCOUNT = "111122223333"
COLLECTION = f"arn:aws:aoss:us-east-1:{ACCOUNT}:collection/c0ffee"
DOMAIN = f"arn:aws:es:us-east-1:{ACCOUNT}:domain/docs"
GRAPH = f"arn:aws:neptune-graph:us-east-1:{ACCOUNT}:graph/g-1234567890"
INDEX = f"arn:aws:kendra:us-east-1:{ACCOUNT}:index/11112222-3333-4444-5555-666677778888"
KINDS = {"knowledge base", "agent", "gateway", "endpoint"}


class MemoryStore:
    """Keep links in memory instead of S3."""

    def __init__(self):
        self.links = {}

    def ai_links(self, account):
        return list(self.links.get(account, ()))

    def write_ai_links(self, account, rows):
        self.links[account] = rows


def run(cloud, store=None, *, regions=("us-east-1",), today=TODAY, not_offered=None):
    """Collect the links of the account; return the store and the result."""
    store = store if store is not None else MemoryStore()
    collected = CollectedAccount(ACCOUNT)
    collect_links(
        collected,
        session=cloud.session(),
        regions=regions,
        today=today,
        store=store,
        not_offered=not_offered or ServicesNotOffered(),
    )
    return store, collected


def links(store):
    """Return the stored links, without the rows that state what was listed."""
    return [
        (row["from_type"], row["from_arn"], row["to_type"], row["to_arn"])
        for row in store.ai_links(ACCOUNT)
        if row["from_type"] != "region"
    ]


def listed(store):
    """Return the region and resource type of each listing that was completed."""
    return {
        (row["region_id"], row["to_type"]) for row in store.ai_links(ACCOUNT) if row["from_type"] == "region"
    }


@pytest.mark.parametrize(
    ("storage", "to_type", "to_arn"),
    [
        (
            {"opensearchServerlessConfiguration": {"collectionArn": COLLECTION}},
            "OpenSearch Serverless collection",
            COLLECTION,
        ),
        ({"opensearchManagedClusterConfiguration": {"domainArn": DOMAIN}}, "OpenSearch domain", DOMAIN),
        ({"neptuneAnalyticsConfiguration": {"graphArn": GRAPH}}, "Neptune Analytics graph", GRAPH),
        (
            {
                "s3VectorsConfiguration": {
                    "vectorBucketArn": f"arn:aws:s3vectors:us-east-1:{ACCOUNT}:bucket/v"
                }
            },
            "S3 vector bucket",
            f"arn:aws:s3vectors:us-east-1:{ACCOUNT}:bucket/v",
        ),
    ],
)
def test_knowledge_base_is_linked_to_its_vector_store(storage, to_type, to_arn):
    cloud = Cloud()
    arn = knowledge_base(cloud, "KB00000001", storage)
    store, collected = run(cloud)
    assert links(store) == [("knowledge base", arn, to_type, to_arn)]
    assert collected.refusals == []


def test_vector_store_of_another_vendor_has_no_link():
    cloud = Cloud()
    knowledge_base(
        cloud, "KB00000001", {"pineconeConfiguration": {"connectionString": "https://a.example.net"}}
    )
    store, collected = run(cloud)
    assert (links(store), collected.refusals) == ([], [])


def test_every_page_of_knowledge_bases_and_data_sources_is_read():
    cloud = Cloud()
    for number in range(3):
        buckets = [f"b{number}{place}" for place in "xyz"]
        knowledge_base(cloud, f"KB0000000{number}", {}, buckets=buckets)
    store, _ = run(cloud)
    assert sorted(to_arn for *_, to_arn in links(store)) == [
        f"arn:aws:s3:::b{number}{place}" for number in range(3) for place in "xyz"
    ]


def test_kendra_knowledge_base_is_linked_to_its_index():
    cloud = Cloud()
    configuration = {"type": "KENDRA", "kendraKnowledgeBaseConfiguration": {"kendraIndexArn": INDEX}}
    arn = knowledge_base(cloud, "KB00000001", None, configuration=configuration)
    store, _ = run(cloud)
    assert links(store) == [("knowledge base", arn, "Kendra index", INDEX)]


def test_aurora_cluster_is_linked_with_the_instances_and_the_storage_that_are_billed():
    cloud = Cloud()
    cluster = aurora_cluster(cloud, "vectors", resource_id="cluster-ABC", members=["one", "two"])
    arn = knowledge_base(cloud, "KB00000001", {"rdsConfiguration": {"resourceArn": cluster}})
    rds = f"arn:aws:rds:us-east-1:{ACCOUNT}"
    store, _ = run(cloud)
    assert links(store) == [
        ("knowledge base", arn, "Aurora cluster", cluster),
        ("knowledge base", arn, "Aurora cluster", f"{rds}:cluster:cluster-ABC"),
        ("knowledge base", arn, "Aurora instance", f"{rds}:db:one"),
        ("knowledge base", arn, "Aurora instance", f"{rds}:db:two"),
    ]


def test_rds_is_called_only_for_clusters_of_the_account():
    cloud = Cloud()
    elsewhere = "arn:aws:rds:us-east-1:444455556666:cluster:shared"
    knowledge_base(cloud, "KB00000001", {"rdsConfiguration": {"resourceArn": elsewhere}})
    store, collected = run(cloud)
    assert [to_arn for *_, to_arn in links(store)] == [elsewhere]
    assert collected.refusals == []
    assert not [call for call in cloud.calls if call[2] == "DescribeDBClusters"]


def test_agent_is_linked_to_its_functions_without_version_or_alias():
    cloud = Cloud()
    arn = agent(
        cloud,
        "AGENT00001",
        {"lambda": f"{FUNCTION}:live"},
        {"customControl": "RETURN_CONTROL"},
        {"lambda": FUNCTION},
    )
    store, _ = run(cloud)
    assert links(store) == [("agent", arn, "Lambda function", FUNCTION)]


def test_gateway_is_linked_to_functions_and_runtimes():
    cloud = Cloud()
    runtime = f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:runtime/r-0123456789"
    arn = gateway(
        cloud,
        "tools-0123456789",
        {"mcp": {"lambda": {"lambdaArn": FUNCTION}}},
        {"http": {"agentcoreRuntime": {"arn": runtime}}},
        {"mcp": {"mcpServer": {"endpoint": "https://mcp.example.net"}}},
    )
    store, _ = run(cloud)
    assert links(store) == [
        ("gateway", arn, "AgentCore runtime", runtime),
        ("gateway", arn, "Lambda function", FUNCTION),
    ]


def test_endpoint_is_linked_to_the_models_of_its_variants():
    cloud = Cloud()
    arn = endpoint(cloud, "ranking", variants=("a", "b"))
    store, _ = run(cloud)
    model = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/ranking"
    assert links(store) == [("endpoint", arn, "model", f"{model}-{variant}") for variant in "ab"]


def test_region_without_ai_resources_is_stored_as_listed():
    """The row distinguishes it from a region that was not read."""
    store, _ = run(Cloud(), regions=("us-east-1", "eu-west-1"))
    assert links(store) == []
    assert listed(store) == {(region, kind) for region in ("us-east-1", "eu-west-1") for kind in KINDS}


def test_refused_service_keeps_its_stored_links_and_the_others_are_replaced():
    cloud = Cloud()
    knowledge_base(
        cloud,
        "KB00000001",
        {"opensearchServerlessConfiguration": {"collectionArn": COLLECTION}},
        buckets=["b"],
    )
    gateway(cloud, "tools-0123456789", {"mcp": {"lambda": {"lambdaArn": FUNCTION}}})
    store, _ = run(cloud, today=TODAY - timedelta(days=1))
    refusing = Cloud(refusing=lambda _a, _r, service: RefusedError() if service == "bedrock-agent" else None)
    store, collected = run(refusing, store)
    assert [(refusal.region, refusal.service) for refusal in collected.refusals] == [
        ("us-east-1", "bedrock-agent")
    ]
    assert {to_type for _, _, to_type, _ in links(store)} == {"OpenSearch Serverless collection", "S3 bucket"}
    days = {row["to_type"]: row["read_on"] for row in store.ai_links(ACCOUNT) if row["from_type"] == "region"}
    assert days["knowledge base"] == TODAY - timedelta(days=1)
    assert days["gateway"] == TODAY


def test_refusal_before_the_first_collection_leaves_the_region_unlisted():
    cloud = Cloud(refusing=lambda _a, _r, service: RefusedError() if service == "bedrock-agent" else None)
    store, _ = run(cloud)
    assert listed(store) == {("us-east-1", "gateway"), ("us-east-1", "endpoint")}


def test_refused_rds_is_named_and_leaves_knowledge_bases_unlisted():
    cloud = Cloud(refusing=lambda _a, _r, service: RefusedError() if service == "rds" else None)
    cluster = f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster:vectors"
    knowledge_base(cloud, "KB00000001", {"rdsConfiguration": {"resourceArn": cluster}})
    store, collected = run(cloud)
    assert [refusal.service for refusal in collected.refusals] == ["rds"]
    assert ("us-east-1", "knowledge base") not in listed(store)


def test_deleted_knowledge_base_loses_its_links():
    cloud = Cloud()
    knowledge_base(cloud, "KB00000001", {"neptuneAnalyticsConfiguration": {"graphArn": GRAPH}})
    store, _ = run(cloud)
    store, _ = run(Cloud(), store)
    assert links(store) == []


def test_links_are_stored_in_one_file_of_the_account(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="focuswatch-data")
        store, cloud = Store(s3, "focuswatch-data"), Cloud()
        assert store.ai_links(ACCOUNT) == []
        arn = knowledge_base(cloud, "KB00000001", {"neptuneAnalyticsConfiguration": {"graphArn": GRAPH}})
        run(cloud, store)
        assert links(store) == [("knowledge base", arn, "Neptune Analytics graph", GRAPH)]
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket="focuswatch-data")["Contents"]]
        assert keys == [f"tables/ai_links/{ACCOUNT}.parquet"]
