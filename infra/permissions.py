"""What each Lambda may do: every action by name, each group with its reason and on the narrowest resources.

Nothing is granted by a construct's own `grant_…`, since these bring actions with wildcards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_iam

from focuswatch.collect.member_permissions import MANAGEMENT_ACTIONS
from focuswatch.detect.stored_outcomes import KEY as OUTCOMES
from focuswatch.operations.deployment_config import EVENT_SOURCE, ONE_AT_A_TIME, QUEUE_FED, Deployment
from focuswatch.reports.findings_table import TABLE
from focuswatch.reports.page.signed_link import KEY as PAGE
from infra.bucket import RESULTS
from infra.messages import detection_topics


@dataclass(frozen=True)
class Grant:
    """Some actions on some resources, and why they are needed."""

    why: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def statement(self) -> aws_iam.PolicyStatement:
        """As IAM reads it."""
        return aws_iam.PolicyStatement(
            actions=list(self.actions), resources=list(self.resources), conditions=dict(self.conditions)
        )


@dataclass(frozen=True)
class Permissions:
    """The grants of one deployment; `key_arn` is the key that the topics are encrypted with."""

    deployment: Deployment
    key_arn: str

    def of(self, kind: str) -> list[Grant]:
        """The grants of the function `kind`."""
        own = {
            "refresh": self._refresh,
            "detect": self._detect,
            "publish": self._publish,
            "collect": self._collect,
            "page": self._page,
            "spending": self._spending,
            "pulse": self._pulse,
            "slack": self._slack,
            "answer": self._answer,
            "record": self._record,
            "weekly": self._weekly,
            "jira": self._jira,
            "sweep": self._sweep,
        }
        beats = kind != "answer"  # which is called by people, not by us
        heartbeat = [self._rows("the heartbeat", "dynamodb:PutItem", "heartbeat")] if beats else []
        lease = [self._rows("the lease", "dynamodb:UpdateItem", "lease")] if kind in ONE_AT_A_TIME else []
        feed = self._feed(kind) if kind in QUEUE_FED else []
        return [*own[kind](), *heartbeat, *lease, *feed, *self._surroundings(kind)]

    def _refresh(self) -> list[Grant]:
        delivered = self.deployment.export_path
        switch = ("glue:CreatePartition", "glue:UpdatePartition")
        return [
            *self._athena(),
            self._list(),
            self._objects("s3:GetObject", f"{delivered}/*", why="the export"),
            self._changed("tables/*", f"{RESULTS}*"),
            self._glue(*switch, why="switch a period to its new folder"),
            self._next_step(),
        ]

    def _detect(self) -> list[Grant]:
        return [
            *self._athena(),
            self._list(),
            self._objects("s3:GetObject", "tables/*", why="the tables"),
            self._changed(f"{RESULTS}*"),
            Grant("the ledger", ("dynamodb:Query", "dynamodb:UpdateItem"), (self._table,)),
            self._rows("up to which day each detection has run", "dynamodb:PutItem", "looked"),
            Grant(
                "what came of detections, for the page",
                ("s3:GetObject", "s3:PutObject"),
                (f"{self._bucket}/{OUTCOMES}",),
            ),
            self._members("ask an account's CloudTrail who made what, where a cost rose"),
            self._next_step(),
        ]

    def _publish(self) -> list[Grant]:
        names = ("findings", *detection_topics())
        topics = tuple(self._arn("sns", self.deployment.topic(name)) for name in names)
        return [
            Grant("what is untold", ("dynamodb:Query",), (f"{self._table}/index/pending",)),
            Grant("and that it was told", ("dynamodb:GetItem", "dynamodb:UpdateItem"), (self._table,)),
            Grant("tell", ("sns:Publish",), topics),
            Grant("the topics are encrypted", ("kms:Decrypt", "kms:GenerateDataKey"), (self.key_arn,)),
            self._next_step(),
        ]

    def _collect(self) -> list[Grant]:
        deployment = self.deployment
        kept = ("tables/activity/*", "tables/accounts/*")
        if deployment.management_role_arn:
            payer = Grant("list accounts", ("sts:AssumeRole",), (deployment.management_role_arn,))
        else:
            payer = Grant("list accounts, whichever there are", MANAGEMENT_ACTIONS, ("*",))
        return [
            self._members("look into every account of the organisation, and of no other"),
            payer,
            self._list(),
            self._objects("s3:GetObject", *kept, why="what was seen before"),
            self._objects("s3:PutObject", *kept, why="what was seen"),
        ]

    def _members(self, why: str) -> Grant:
        deployment = self.deployment
        return Grant(
            why,
            ("sts:AssumeRole",),
            (f"arn:aws:iam::*:role/{deployment.collector.member_role}",),
            {"StringEquals": {"aws:ResourceOrgID": deployment.organisation.id}},
        )

    def _page(self) -> list[Grant]:
        return [
            *self._athena(),
            self._list(),
            self._objects(
                "s3:GetObject", "tables/*", OUTCOMES, why="the tables, and what came of detections"
            ),
            self._changed(f"{RESULTS}*"),
            self._objects(
                "s3:PutObject", f"tables/{TABLE}/*", PAGE, why="the page, and what it says of findings"
            ),
            Grant("the ledger", ("dynamodb:Query",), (self._table,)),
            self._next_step(),
        ]

    def _spending(self) -> list[Grant]:
        return [self._ledger(), self._next_step()]

    def _pulse(self) -> list[Grant]:
        deployment = self.deployment
        queues = [deployment.queue(kind) for kind in deployment.kinds if kind in QUEUE_FED]
        queues += [deployment.dead_letters(kind) for kind in deployment.unattended]
        counted = ("sqs:GetQueueUrl", "sqs:GetQueueAttributes")
        alarms = (self._arn("sns", deployment.topic("alarms")),)
        slack = [*self._told(), self._secret(deployment.secrets.slack)] if deployment.secrets.slack else []
        return [
            Grant(
                "how runs ended, and what is untold",
                ("dynamodb:Query",),
                (self._table, f"{self._table}/index/pending"),
            ),
            Grant("what waits", counted, tuple(self._arn("sqs", name) for name in queues)),
            *slack,
            Grant("tell", ("sns:Publish",), alarms),
            Grant("the topics are encrypted", ("kms:Decrypt", "kms:GenerateDataKey"), (self.key_arn,)),
        ]

    def _slack(self) -> list[Grant]:
        digests = Grant("the lines of a digest", ("dynamodb:Query",), (self._table,))
        return [*self._told(), digests, self._secret(self.deployment.secrets.slack)]

    def _answer(self) -> list[Grant]:
        queue = self._arn("sqs", self.deployment.queue("record"))
        return [
            self._secret(self.deployment.secrets.slack),
            Grant("what was pressed", ("sqs:SendMessage",), (queue,)),
            self._objects("s3:GetObject", PAGE, why="whoever has a digest's link may read the page"),
        ]

    def _record(self) -> list[Grant]:
        return [*self._told(), self._ledger(), self._secret(self.deployment.secrets.slack)]

    def _weekly(self) -> list[Grant]:
        return [
            *self._athena(),
            self._list(),
            self._objects("s3:GetObject", "tables/*", why="the tables"),
            self._changed(f"{RESULTS}*"),
            Grant("the ledger", ("dynamodb:Query",), (self._table,)),
            *self._told(),
            self._secret(self.deployment.secrets.slack),
        ]

    def _jira(self) -> list[Grant]:
        return [*self._told(), self._ledger(), self._secret(self.deployment.secrets.jira)]

    def _sweep(self) -> list[Grant]:
        return self._jira()

    def _told(self) -> list[Grant]:
        """Claims, the pace of a channel, its id."""
        actions = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        return [Grant("what was told, and by whom right now", actions, (self._table,))]

    def _ledger(self) -> Grant:
        return Grant("the ledger", ("dynamodb:Query", "dynamodb:UpdateItem"), (self._table,))

    def _secret(self, name: str) -> Grant:
        """Secrets Manager puts six characters after the name: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html"""
        return Grant(
            "the token",
            ("secretsmanager:GetSecretValue",),
            (self._arn("secretsmanager", f"secret:{name}-??????"),),
        )

    def _feed(self, kind: str) -> list[Grant]:
        """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
        actions = (
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
        )
        return [
            Grant("its work", actions, (self._arn("sqs", self.deployment.queue(kind)),)),
            Grant(
                "what will not be taken",
                ("sqs:SendMessage",),
                (self._arn("sqs", self.deployment.dead_letters(kind)),),
            ),
        ]

    def _athena(self) -> list[Grant]:
        """Athena reads and writes as whoever asks it to: https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html"""
        workgroup = self._arn("athena", f"workgroup/{self.deployment.athena.workgroup}")
        actions = ("athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetWorkGroup")
        tables = ("glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions")
        return [
            Grant("run statements", actions, (workgroup,)),
            self._glue(*tables, why="what the tables are"),
            Grant("where results go", ("s3:GetBucketLocation",), (self._bucket,)),
        ]

    def _glue(self, *actions: str, why: str) -> Grant:
        database = self.deployment.athena.database
        named = ("catalog", f"database/{database}", f"table/{database}/*")
        return Grant(why, actions, tuple(self._arn("glue", name) for name in named))

    def _list(self) -> Grant:
        """The whole bucket: an object that is not there yet is 404 to those who may list it, and 403 to others.

        Leave to list some prefixes alone is none for that question: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        return Grant("find files", ("s3:ListBucket",), (self._bucket,))

    def _objects(self, action: str, *paths: str, why: str) -> Grant:
        return Grant(why, (action,), tuple(f"{self._bucket}/{path}" for path in paths))

    def _changed(self, *paths: str) -> Grant:
        actions = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
        return Grant(
            "write, and remove what is old", actions, tuple(f"{self._bucket}/{one}" for one in paths)
        )

    def _next_step(self) -> Grant:
        return Grant(
            "say that it is done",
            ("events:PutEvents",),
            (self._arn("events", "event-bus/default"),),
            # Else it could speak as S3: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
            {"StringEquals": {"events:source": EVENT_SOURCE}},
        )

    def _rows(self, why: str, action: str, kind: str) -> Grant:
        """Rows of one kind in the ledger's table, which is its partition key.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
        """
        return Grant(
            why, (action,), (self._table,), {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [kind]}}
        )

    def _surroundings(self, kind: str) -> list[Grant]:
        group = self._arn("logs", f"log-group:/aws/lambda/{self.deployment.function(kind)}:*")
        traces = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
        return [
            Grant("logs", ("logs:CreateLogStream", "logs:PutLogEvents"), (group,)),
            Grant("traces: these actions know no resources", traces, ("*",)),
        ]

    @property
    def _table(self) -> str:
        return self._arn("dynamodb", f"table/{self.deployment.ledger}")

    @property
    def _bucket(self) -> str:
        return f"arn:aws:s3:::{self.deployment.bucket}"

    def _arn(self, service: str, name: str) -> str:
        accounts = self.deployment.accounts
        return f"arn:aws:{service}:{accounts.region}:{accounts.pipeline}:{name}"
