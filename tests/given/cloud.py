"""Accounts with resources and metrics in memory, served to real botocore clients, which validate all parameters."""

import socket
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import patch

import botocore.loaders
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.httpsession import URLLib3Session

from focuswatch.collect.shared_clients_for_member_accounts import CALLING_AS, Clients, Member

LOADER = botocore.loaders.create_loader()  # shared, so that botocore's models of the services are loaded once

TODAY = date(2026, 3, 31)
LONG_AGO = datetime(2026, 1, 1, 9, tzinfo=UTC)
IAM_NAMES = {
    "opensearchserverless": "aoss",
    "opensearch": "es",
    "bedrock-agent": "bedrock",
    "bedrock-agentcore-control": "bedrock-agentcore",
}
PAGE = 2  # items per page, so few that a list of three has two pages
# Operation: (key of the list in the response, name of the token).
LISTS = {
    "ListEndpoints": ("Endpoints", "NextToken"),
    "ListInferenceComponents": ("InferenceComponents", "NextToken"),
    "ListProvisionedModelThroughputs": ("provisionedModelSummaries", "nextToken"),
    "ListImportedModels": ("modelSummaries", "nextToken"),
    "ListCustomModels": ("modelSummaries", "nextToken"),
    "ListCustomModelDeployments": ("modelDeploymentSummaries", "nextToken"),
    "ListCollections": ("collectionSummaries", "nextToken"),
    "ListApplications": ("applications", "nextToken"),
    "ListGraphs": ("graphs", "nextToken"),
    "ListKnowledgeBases": ("knowledgeBaseSummaries", "nextToken"),
    "ListAgents": ("agentSummaries", "nextToken"),
    "ListGateways": ("items", "nextToken"),
    "ListMetrics": ("Metrics", "NextToken"),
    "LookupEvents": ("Events", "NextToken"),
    "DescribeAlarmHistory": ("AlarmHistoryItems", "NextToken"),
    "DescribeAlarms": ("MetricAlarms", "NextToken"),
    "DescribeEvents": ("events", "nextToken"),
}

# Operation: (key of the list in the response, parameter with the parent's id). Items are added as (parent, item).
CHILDREN = {
    "ListDataSources": ("dataSourceSummaries", "knowledgeBaseId"),
    "ListAgentActionGroups": ("actionGroupSummaries", "agentId"),
    "ListGatewayTargets": ("items", "gatewayIdentifier"),
}


def connection_error(failure):
    """Return the error that botocore raises if the resolver fails with `failure`, an OSError."""
    request = AWSRequest("GET", "https://service.region.amazonaws.com")
    with patch("socket.getaddrinfo", side_effect=failure):
        try:
            URLLib3Session().send(request.prepare())
        except EndpointConnectionError as error:
            return error
    raise AssertionError(f"no connection error for {failure}")


def unknown_host():
    """Return the error of a call to a service that the region does not offer."""
    return connection_error(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))


def resolver_failure():
    """Return the error of a call while DNS does not work."""
    return connection_error(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))


class RefusedError(Exception):
    """An error response of AWS."""

    def __init__(self, code="AccessDeniedException", message="not authorized to perform this"):
        self.code, self.message = code, message


@dataclass
class Cloud:
    """The accounts of a test.

    `listed` contains the items of each list operation by account and region, `described` the responses of operations
    that describe one resource, and `metrics` the datapoints. `refusing` and `unreachable` return an error for a call,
    by its account, region and service, or None.
    """

    listed: dict = field(default_factory=dict)
    described: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=dict)
    refusing: object = lambda account, region, service: None
    unreachable: object = lambda region, service: None
    calls: Counter = field(default_factory=Counter)
    left_out: frozenset = frozenset()  # operations that another fake serves
    actions: set = field(default_factory=set)  # IAM actions of the calls
    keys: dict = field(default_factory=dict)  # accounts by access key
    now: datetime | None = None  # needed for lists of recently active metrics
    # Each series that GetMetricData requested: (metric, *dimensions).
    requested_series: list = field(default_factory=list)

    def add(self, operation, *items, account="111122223333", region="us-east-1"):
        """Add items to the list that an operation returns."""
        self.listed.setdefault((account, region, operation), []).extend(items)

    def describe(self, operation, key, response, *, account="111122223333", region="us-east-1"):
        """Set the response of an operation about the resource `key`."""
        self.described[account, region, operation, key] = response

    def measure(self, namespace, name, *, by, days, account="111122223333", region="us-east-1", stat="Sum"):
        """Set the datapoints of a metric; `by` are its dimensions, `days` is the statistic by day or by hour."""
        series = (namespace, name, frozenset(by.items()), stat)
        self.metrics.setdefault((account, region), {})[series] = days

    def session(self, account="111122223333"):
        """Return an account's clients without assuming a role."""
        clients = self.attach(Clients(botocore.session.Session()))
        clients.core.register_component("data_loader", LOADER)
        return Member(clients, self.key(account))

    def sessions(self, *, refusing=()):
        """Return a replacement for `assuming`: it returns an account's clients, or raises AccessDenied."""
        clients = self.attach(Clients())

        def session_for(account):
            if account in refusing:
                error = {"Code": "AccessDenied", "Message": "not authorized to perform: sts:AssumeRole"}
                raise ClientError({"Error": error}, "AssumeRole")
            return Member(clients, self.key(account))

        return session_for

    def key(self, account):
        """Return credentials that identify the account."""
        self.keys[f"AKIA{account}"] = account
        return ReadOnlyCredentials(f"AKIA{account}", "secret", None)

    def attach(self, clients):
        """Serve the calls of these clients."""

        def store_parameters(params, context, **_):
            context["parameters"] = dict(params)

        def respond(model, context, request_signer, **_):
            if model.name in self.left_out:
                return None
            service, region = model.service_model.service_name, request_signer.region_name
            account = self.keys[CALLING_AS.get().access_key]
            self.calls[account, region, model.name] += 1
            self.actions.add(f"{IAM_NAMES.get(service, service)}:{model.name}")
            if error := self.unreachable(region, service):
                raise error
            try:
                if refused := self.refusing(account, region, service):
                    raise refused
                result = self.answer(account, region, service, model.name, context["parameters"])
            except RefusedError as refused:
                error = {"Code": refused.code, "Message": refused.message}
                return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {}}
            return SimpleNamespace(status_code=200), result

        clients.core.register("before-parameter-build", store_parameters)
        clients.core.register("before-call", respond)
        return clients

    def answer(self, account, region, service, operation, parameters):
        place = (account, region)
        if operation == "GetMetricData":
            return self._metric_data(place, parameters)
        if operation == "ListIndices":
            key = parameters.get("applicationId", "kendra")
            items = [
                one for application, one in self.listed.get((*place, operation), ()) if application == key
            ]
            name, token = (
                ("indices", "nextToken")
                if key != "kendra"
                else ("IndexConfigurationSummaryItems", "NextToken")
            )
            return _page(items, name, token, parameters)
        if operation == "ListMetrics":
            items = self._listed_metrics(place, parameters)
            return _page(items, "Metrics", "NextToken", parameters)
        if operation == "LookupEvents" and parameters["LookupAttributes"][0]["AttributeKey"] == "EventName":
            name = parameters["LookupAttributes"][0]["AttributeValue"]
            listed = self.listed.get((*place, operation), ())
            events = [event for event in listed if event["EventName"] == name]
            return _page(events, *LISTS[operation], parameters)
        if operation in LISTS:
            return _page(self.listed.get((*place, operation), []), *LISTS[operation], parameters)
        if operation == "ListDomainNames":
            return {
                "DomainNames": [{"DomainName": name} for name in self.listed.get((*place, operation), ())]
            }
        if operation == "BatchGetCollection":
            return {
                "collectionDetails": [self.described[*place, operation, one] for one in parameters["ids"]]
            }
        if operation in CHILDREN:
            name, parent = CHILDREN[operation]
            items = [
                one for key, one in self.listed.get((*place, operation), ()) if key == parameters[parent]
            ]
            return _page(items, name, "nextToken", parameters)
        key = "/".join(parameters.values())
        return self.described[*place, operation, key]

    def _listed_metrics(self, place, parameters):
        since = self.now - timedelta(hours=3) if "RecentlyActive" in parameters else None
        return [
            {"Namespace": space, "MetricName": name, "Dimensions": [{"Name": k, "Value": v} for k, v in by]}
            for (space, name, by, _), days in self.metrics.get(place, {}).items()
            if (space, name) == (parameters["Namespace"], parameters.get("MetricName", name))
            and (since is None or any(midnight(day) >= since for day in days))
        ]

    def _metric_data(self, place, parameters):
        assert len(parameters["MetricDataQueries"]) <= 500
        results = []
        for query in parameters["MetricDataQueries"]:
            stat = query["MetricStat"]
            by = frozenset((one["Name"], one["Value"]) for one in stat["Metric"]["Dimensions"])
            series = (stat["Metric"]["Namespace"], stat["Metric"]["MetricName"], by, stat["Stat"])
            self.requested_series.append((stat["Metric"]["MetricName"], *sorted(dict(by).values())))
            days = self.metrics.get(place, {}).get(series, {})
            if isinstance(days, str):
                results.append({"Id": query["Id"], "Timestamps": [], "Values": [], "StatusCode": days})
                continue
            inside = [
                day
                for day in sorted(days)
                if parameters["StartTime"] <= midnight(day) < parameters["EndTime"]
            ]
            results.append(
                {
                    "Id": query["Id"],
                    "Timestamps": [midnight(day) for day in inside],
                    "Values": [days[day] for day in inside],
                    "StatusCode": "Complete",
                }
            )
        return _page(results, "MetricDataResults", "NextToken", parameters, size=100)


def _page(items, key, token, parameters, *, size=PAGE):
    start = int(parameters.get(token, 0))
    more = {token: str(start + size)} if start + size < len(items) else {}
    return {key: items[start : start + size]} | more


def midnight(day):
    """Return the timestamp of a datapoint: the start of a day; an hour is returned unchanged."""
    if isinstance(day, datetime):
        return day
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def ago(days):
    return TODAY - timedelta(days=days)


def endpoint(cloud, name="old", *, variants=("a",), created=LONG_AGO, more=None, **place):
    """Add a real-time endpoint that is in service, and return its ARN."""
    account, region = place.get("account", "111122223333"), place.get("region", "us-east-1")
    arn = f"arn:aws:sagemaker:{region}:{account}:endpoint/{name}"
    listed = {
        "EndpointName": name,
        "EndpointArn": arn,
        "CreationTime": created,
        "EndpointStatus": "InService",
    }
    cloud.add("ListEndpoints", listed, **place)
    models = [{"VariantName": variant, "ModelName": f"{name}-{variant}"} for variant in variants]
    variants = [{"VariantName": variant} for variant in variants]
    described = {"ProductionVariants": variants, "EndpointConfigName": f"{name}-config"}
    cloud.describe("DescribeEndpoint", name, described | (more or {}), **place)
    cloud.describe("DescribeEndpointConfig", f"{name}-config", {"ProductionVariants": models}, **place)
    return arn


def capacity(cloud, arn, *, serves, **place):
    """Add provisioned throughput that serves a model."""
    provisioned = {
        "provisionedModelArn": arn,
        "modelArn": serves,
        "status": "InService",
        "creationTime": LONG_AGO,
    }
    cloud.add("ListProvisionedModelThroughputs", provisioned, **place)


def custom_model(cloud, arn):
    cloud.add("ListCustomModels", {"modelArn": arn, "creationTime": LONG_AGO, "modelStatus": "Active"})


def collection(cloud, key, *, account="111122223333"):
    """Add an OpenSearch Serverless collection named docs, and return its ARN."""
    arn = f"arn:aws:aoss:us-east-1:{account}:collection/{key}"
    created = int(LONG_AGO.timestamp() * 1000)
    cloud.add("ListCollections", {"id": key})
    cloud.describe(
        "BatchGetCollection",
        key,
        {"id": key, "name": "docs", "status": "ACTIVE", "createdDate": created, "arn": arn},
    )
    return arn


def domain(cloud, name, *, account="111122223333"):
    """Add a managed OpenSearch domain, and return its ARN."""
    cloud.add("ListDomainNames", name)
    parts = {"ClusterConfig": {"Status": {"CreationDate": LONG_AGO}}, "ModifyingProperties": {}}
    cloud.describe("DescribeDomainConfig", name, {"DomainConfig": parts})
    return f"arn:aws:es:us-east-1:{account}:domain/{name}"


def kendra_index(cloud, key, *, account="111122223333"):
    cloud.add("ListIndices", ("kendra", {"Id": key, "CreatedAt": LONG_AGO, "Status": "ACTIVE"}))
    return f"arn:aws:kendra:us-east-1:{account}:index/{key}"


def q_index(cloud, application, key, *, account="111122223333"):
    cloud.add("ListApplications", {"applicationId": application})
    cloud.add("ListIndices", (application, {"indexId": key, "createdAt": LONG_AGO, "status": "ACTIVE"}))
    return f"arn:aws:qbusiness:us-east-1:{account}:application/{application}/index/{key}"


def graph(cloud, key, *, account="111122223333"):
    """Add a Neptune Analytics graph, and a stopped one; return the ARN of the first."""
    arn = f"arn:aws:neptune-graph:us-east-1:{account}:graph/{key}"
    cloud.add(
        "ListGraphs", {"id": key, "arn": arn, "status": "AVAILABLE"}, {"id": "g-0", "status": "STOPPED"}
    )
    cloud.describe("GetGraph", key, {"createTime": LONG_AGO})
    return arn


def knowledge_base(cloud, key, storage, *, buckets=(), configuration=None, **place):
    """Add a knowledge base; `storage` is its storageConfiguration, `buckets` are the buckets of its data sources."""
    account, region = place.get("account", "111122223333"), place.get("region", "us-east-1")
    arn = f"arn:aws:bedrock:{region}:{account}:knowledge-base/{key}"
    details = {
        "knowledgeBaseArn": arn,
        "storageConfiguration": storage,
        "knowledgeBaseConfiguration": configuration or {"type": "VECTOR"},
    }
    cloud.add("ListKnowledgeBases", {"knowledgeBaseId": key, "name": key}, **place)
    cloud.describe("GetKnowledgeBase", key, {"knowledgeBase": details}, **place)
    for bucket in buckets:
        source = f"DS{bucket.upper()}"[:10].ljust(10, "0")
        cloud.add("ListDataSources", (key, {"dataSourceId": source}), **place)
        configured = {"type": "S3", "s3Configuration": {"bucketArn": f"arn:aws:s3:::{bucket}"}}
        cloud.describe(
            "GetDataSource",
            f"{key}/{source}",
            {"dataSource": {"dataSourceConfiguration": configured}},
            **place,
        )
    return arn


def agent(cloud, key, *executors):
    """Add an agent with an action group for each executor."""
    cloud.add("ListAgents", {"agentId": key})
    for number, executor in enumerate(executors):
        group = f"GROUP{number:05}"
        cloud.add("ListAgentActionGroups", (key, {"actionGroupId": group}))
        described = {"agentActionGroup": {"actionGroupExecutor": executor}}
        cloud.describe("GetAgentActionGroup", f"{key}/DRAFT/{group}", described)
    return f"arn:aws:bedrock:us-east-1:111122223333:agent/{key}"


def gateway(cloud, key, *configurations):
    """Add an AgentCore gateway with a target for each configuration."""
    arn = f"arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/{key}"
    cloud.add("ListGateways", {"gatewayId": key})
    for number, configuration in enumerate(configurations):
        target = f"TARGET{number:04}"
        cloud.add("ListGatewayTargets", (key, {"targetId": target}))
        described = {"gatewayArn": arn, "targetConfiguration": configuration}
        cloud.describe("GetGatewayTarget", f"{key}/{target}", described)
    return arn


def aurora_cluster(cloud, name, *, resource_id, members):
    """Add an Aurora cluster with its instances."""
    arn = f"arn:aws:rds:us-east-1:111122223333:cluster:{name}"
    instances = [{"DBInstanceIdentifier": member} for member in members]
    described = {"DBClusters": [{"DbClusterResourceId": resource_id, "DBClusterMembers": instances}]}
    cloud.describe("DescribeDBClusters", arn, described)
    return arn


FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:tool"
APPLICATION = "11112222-3333-4444-5555-666677778888"


def everything(cloud):
    """Add one resource of each kind."""
    endpoint(cloud)
    custom_model(cloud, "arn:aws:bedrock:us-east-1:111122223333:custom-model/nova/m1")
    collection(cloud, "c0ffee")
    domain(cloud, "logs")
    kendra_index(cloud, "k1")
    q_index(cloud, APPLICATION, "idx1")
    graph(cloud, "g-1234567890")
    cluster = aurora_cluster(cloud, "vectors", resource_id="cluster-ABC", members=["vectors-1"])
    knowledge_base(cloud, "KB00000001", {"rdsConfiguration": {"resourceArn": cluster}}, buckets=["manuals"])
    agent(cloud, "AGENT00001", {"lambda": FUNCTION})
    gateway(cloud, "tools-0123456789", {"mcp": {"lambda": {"lambdaArn": FUNCTION}}})
    change = {
        "AlarmName": "errors",
        "Timestamp": LONG_AGO,
        "HistorySummary": "Alarm updated from OK to ALARM",
    }
    cloud.add("DescribeAlarmHistory", change)
