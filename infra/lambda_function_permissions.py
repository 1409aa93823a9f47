"""The IAM permissions of each Lambda function: each action by name, with a reason, on the narrowest resources.

The `grant_…` methods of constructs are not used, because they add actions with wildcards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_iam

from focuswatch.bill.kept_forecast_record_and_merge import TABLE as FORECASTS
from focuswatch.bill.refresh.store_other_bills_state_and_export_accounts import BILLS_KEY
from focuswatch.bill.refresh.store_other_bills_state_and_export_accounts import FOLDER as OTHER_BILLS
from focuswatch.bill.schema.glue_tables_and_partition_keys import PERIOD_TABLES
from focuswatch.collect.collector_iam_actions import MANAGEMENT_ACTIONS, READ_UNTIL_KEY
from focuswatch.collect.parse_ci_event_files import FOLDER, POSTED
from focuswatch.notify.security.write_ocsf_files_to_s3 import FOLDER as OCSF
from focuswatch.operations.lambda_function_groups_and_modules import ENDPOINTS, ONE_AT_A_TIME, QUEUE_FED
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.reports.known_findings_rows_from_ledger import TABLE
from focuswatch.reports.page.sign_and_verify_page_link import KEY as PAGE
from infra.data_bucket import RESULTS
from infra.sns_topics import detection_topics


@dataclass(frozen=True)
class Grant:
    """Actions on resources, and why they are needed."""

    why: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def statement(self) -> aws_iam.PolicyStatement:
        """Return the IAM policy statement."""
        return aws_iam.PolicyStatement(
            actions=list(self.actions), resources=list(self.resources), conditions=dict(self.conditions)
        )


@dataclass(frozen=True)
class Permissions:
    """The permissions of one deployment; `key_arn` is the KMS key that encrypts the topics."""

    deployment: Deployment
    key_arn: str

    def of(self, kind: str) -> list[Grant]:
        """Return the permissions of the function `kind`."""
        own = {
            "refresh": self._refresh,
            "detect": self._detect,
            "publish": self._publish,
            "collect": self._collect,
            "fetch": self._fetch,
            "bills": self._bills,
            "hourly": self._hourly,
            "page": self._page,
            "spending": self._spending,
            "pulse": self._pulse,
            "slack": self._slack,
            "answer": self._answer,
            "events": lambda: [
                *self._secrets("events"),
                self._objects("s3:PutObject", f"{POSTED}*", why="store events that a CI system posts"),
            ],
            "record": self._record,
            "weekly": self._weekly,
            "close": self._close,
            "jira": self._jira,
            "sweep": self._sweep,
            "teams": self._teams,
            "pagerduty": self._pagerduty,
            "webhook": lambda: [*self._notifications(), *self._secrets("webhook")],
            "email": self._email,
            "securityhub": self._security_hub,
            "ocsf": lambda: [self._objects("s3:PutObject", f"{OCSF}/*", why="write OCSF records")],
        }
        beats = kind not in ENDPOINTS  # endpoints record no heartbeat
        heartbeat = [self._rows("record the heartbeat", "dynamodb:PutItem", "heartbeat")] if beats else []
        lease = (
            [self._rows("hold the lease", "dynamodb:UpdateItem", "lease")] if kind in ONE_AT_A_TIME else []
        )
        feed = self._feed(kind) if kind in QUEUE_FED else []
        return [*own[kind](), *heartbeat, *lease, *feed, *self._logs_and_traces(kind)]

    def controls(self, accounts: list[str]) -> list[Grant]:
        """Return the permissions of `controls`, which changes IAM only through the pause role of each of `accounts`."""
        deployment = self.deployment
        secrets = [name for name in (deployment.secrets.slack, deployment.secrets.jira) if name]
        roles = tuple(deployment.pause_role_arn(account) for account in accounts)
        return [
            Grant(
                "attach the pause policy to roles with a spend cap, and detach the policy",
                ("sts:AssumeRole",),
                roles,
            ),
            Grant("read findings and pauses", ("dynamodb:Query",), (self._table,)),
            *self._notifications(),
            *(self._secret(name) for name in secrets),
            *self._feed("controls"),
            *self._logs_and_traces("controls"),
        ]

    def _refresh(self) -> list[Grant]:
        delivered = [f"{self.deployment.export_path}/*"]
        if self.deployment.principals.enabled:
            delivered.append(f"{self.deployment.principals_path}/*")
        switch = ("glue:CreatePartition", "glue:UpdatePartition", "glue:DeletePartition")
        return [
            *self._athena(),
            self._list(),
            self._objects("s3:GetObject", *delivered, why="read the exports"),
            self._changed("tables/*", f"{RESULTS}*"),
            self._glue(
                *switch,
                why="register the new folder for a billing period, and remove the folders of a removed bill",
            ),
            self._next_step(),
        ]

    def _detect(self) -> list[Grant]:
        return [
            *self._athena(),
            self._list(),
            self._objects("s3:GetObject", "tables/*", why="read the tables"),
            self._changed(f"{RESULTS}*"),
            self._objects("s3:PutObject", f"tables/{FORECASTS}/*", why="store the month-end forecasts"),
            Grant("read and update the ledger", ("dynamodb:Query", "dynamodb:UpdateItem"), (self._table,)),
            self._rows("record the last day that each detection evaluated", "dynamodb:PutItem", "looked"),
            self._members("read CloudTrail events in accounts with a cost increase"),
            self._next_step(),
        ]

    def _publish(self) -> list[Grant]:
        names = ("findings", *detection_topics())
        topics = tuple(self._arn("sns", self.deployment.topic(name)) for name in names)
        return [
            Grant("read pending notifications", ("dynamodb:Query",), (f"{self._table}/index/pending",)),
            Grant("mark notifications as sent", ("dynamodb:GetItem", "dynamodb:UpdateItem"), (self._table,)),
            Grant("publish to the topics", ("sns:Publish",), topics),
            Grant("use the KMS key of the topics", ("kms:Decrypt", "kms:GenerateDataKey"), (self.key_arn,)),
            self._next_step(),
            *([self._finding_events()] if self.deployment.events.findings else []),
        ]

    def _collect(self) -> list[Grant]:
        deployment = self.deployment
        events = deployment.event_sources
        tables = ["activity", "accounts", "account_history", "ai_links", *(["events"] if events else [])]
        of_ci = [FOLDER] if "files" in events else [POSTED] if "webhook" in events else []
        if deployment.invocation_logs.enabled:
            tables.append("invocation_tokens")
        kept = tuple(f"tables/{table}/*" for table in tables)
        if deployment.management_role_arn:
            payer = Grant("list accounts", ("sts:AssumeRole",), (deployment.management_role_arn,))
        else:
            payer = Grant("list all accounts in the organization", MANAGEMENT_ACTIONS, ("*",))
        return [
            self._members(
                "assume the read-only role in accounts of the organization, but not in other accounts"
            ),
            payer,
            self._list(),
            self._objects("s3:GetObject", *kept, why="read previously collected data"),
            *(
                self._objects("s3:GetObject", f"{folder}*", why="read events from a CI system")
                for folder in of_ci
            ),
            self._objects(
                "s3:PutObject", *kept, why="write collected resource activity and links between resources"
            ),
        ]

    def _fetch(self) -> list[Grant]:
        """Return the permissions to read the keys of AI vendors, and to replace the files of their charges."""
        secrets = sorted({one.secret for one in self.deployment.connectors.vendors})
        paths = tuple(f"{self._bucket}/{one.path}/*" for one in self.deployment.connectors.vendors)
        actions = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
        return [
            *map(self._secret, secrets),
            self._list(),
            Grant("replace the files with charges from AI vendors", actions, paths),
        ]

    def _bills(self) -> list[Grant]:
        """Return the permissions to read the bills of other providers, and to replace their billing periods.

        The same tables contain the partitions of the export, but Glue has no permissions for single partitions.
        """
        prefixes = tuple(f"{one['prefix']}/*" for one in self.deployment.other_bills)
        tables = tuple(f"tables/{table}/period=*.*/*" for table in PERIOD_TABLES)
        return [
            self._list(),
            self._objects("s3:GetObject", *prefixes, f"{OTHER_BILLS}/*", why="read the bills"),
            self._objects("s3:PutObject", *tables, BILLS_KEY, why="write the tables"),
            self._objects(
                "s3:DeleteObject", *tables, why="delete replaced files of bills from providers other than AWS"
            ),
            self._glue("glue:GetTable", "glue:GetPartitions", why="read table definitions"),
            self._glue(
                "glue:CreatePartition",
                "glue:UpdatePartition",
                "glue:DeletePartition",
                why="register the new folder for a billing period, and remove the billing periods of a removed bill",
            ),
            self._next_step(),
        ]

    def _hourly(self) -> list[Grant]:
        collected = ("tables/token_hours/*", READ_UNTIL_KEY)
        return [
            *self._athena(),
            self._list(),
            self._objects("s3:GetObject", "tables/*", READ_UNTIL_KEY, why="read the tables"),
            self._objects("s3:PutObject", *collected, why="write hourly token counts"),
            self._changed(f"{RESULTS}*"),
            self._ledger(),
            self._members(
                "read CloudWatch metrics in accounts of the organization, but not in other accounts"
            ),
            self._next_step(),
        ]

    def _members(self, why: str) -> Grant:
        deployment = self.deployment
        return Grant(
            why,
            ("sts:AssumeRole",),
            (f"arn:aws:iam::*:role/{deployment.collector.member_role}",),
            {"StringEquals": {"aws:ResourceOrgID": deployment.organization.id}},
        )

    def _page(self) -> list[Grant]:
        return [
            *self._athena(),
            self._list(),
            self._objects("s3:GetObject", "tables/*", why="read the tables"),
            self._changed(f"{RESULTS}*"),
            self._objects(
                "s3:PutObject",
                f"tables/{TABLE}/*",
                PAGE,
                why="write the HTML page and the table known_findings",
            ),
            Grant("read the ledger", ("dynamodb:Query",), (self._table,)),
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
        slack = (
            [*self._notifications(), self._secret(deployment.secrets.slack)]
            if deployment.secrets.slack
            else []
        )
        return [
            Grant(
                "read heartbeats and pending notifications",
                ("dynamodb:Query",),
                (self._table, f"{self._table}/index/pending"),
            ),
            Grant("count messages in queues", counted, tuple(self._arn("sqs", name) for name in queues)),
            *slack,
            Grant("publish to the topics", ("sns:Publish",), alarms),
            Grant("use the KMS key of the topics", ("kms:Decrypt", "kms:GenerateDataKey"), (self.key_arn,)),
        ]

    def _slack(self) -> list[Grant]:
        digests = Grant("read the stored entries of a digest", ("dynamodb:Query",), (self._table,))
        return [*self._notifications(), digests, self._secret(self.deployment.secrets.slack)]

    def _answer(self) -> list[Grant]:
        queues = ["record", *(["controls"] if self.deployment.controls.enabled else [])]
        arns = tuple(self._arn("sqs", self.deployment.queue(kind)) for kind in queues)
        page = [self._objects("s3:GetObject", PAGE, why="sign links to the HTML page")]
        return [
            *self._secrets("slack", "teams"),
            Grant("queue actions from Slack and Teams", ("sqs:SendMessage",), arns),
            *(page if self.deployment.secrets.slack else []),
        ]

    def _record(self) -> list[Grant]:
        return [*self._notifications(), self._ledger(), *self._secrets("slack", "teams", "pagerduty")]

    def _weekly(self) -> list[Grant]:
        return [
            *self._athena(),
            self._list(),
            self._objects("s3:GetObject", "tables/*", why="read the tables"),
            self._changed(f"{RESULTS}*"),
            Grant("read the ledger", ("dynamodb:Query",), (self._table,)),
            *self._notifications(),
            self._secret(self.deployment.secrets.slack),
        ]

    def _close(self) -> list[Grant]:
        export = f"{self.deployment.export_path}/*"
        return [*self._weekly(), self._objects("s3:GetObject", export, why="read invoices from the export")]

    def _jira(self) -> list[Grant]:
        return [*self._notifications(), self._ledger(), self._secret(self.deployment.secrets.jira)]

    def _teams(self) -> list[Grant]:
        digests = Grant("read the stored entries of a digest", ("dynamodb:Query",), (self._table,))
        return [*self._notifications(), digests, *self._secrets("teams")]

    def _pagerduty(self) -> list[Grant]:
        return [*self._notifications(), *self._secrets("pagerduty")]

    def _email(self) -> list[Grant]:
        """Return the permissions to send emails from one address, and to store digests.

        In the sandbox, SES also checks the permission on the identity of the recipient:
        https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
        """
        return [
            *self._notifications(),
            Grant(
                "store the entries of digests, and count the emails per day",
                ("dynamodb:Query", "dynamodb:DeleteItem"),
                (self._table,),
            ),
            Grant(
                "send emails from the configured address",
                ("ses:SendEmail",),
                (self._arn("ses", "identity/*"),),
                {"StringEquals": {"ses:FromAddress": self.deployment.email.sender}},
            ),
        ]

    def _security_hub(self) -> list[Grant]:
        """Return the permission to import findings as a custom integration of this account.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecurityhub.html
        """
        product = self._arn("securityhub", f"product/{self.deployment.accounts.pipeline}/default")
        return [
            *self._notifications(),
            Grant("import findings into Security Hub", ("securityhub:BatchImportFindings",), (product,)),
        ]

    def _sweep(self) -> list[Grant]:
        return self._jira()

    def _notifications(self) -> list[Grant]:
        """Return the permissions for claims of notifications, message pacing and stored channel IDs."""
        actions = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        return [Grant("claim and record notifications", actions, (self._table,))]

    def _ledger(self) -> Grant:
        return Grant("read and update the ledger", ("dynamodb:Query", "dynamodb:UpdateItem"), (self._table,))

    def _secrets(self, *channels: str) -> list[Grant]:
        """Return the permissions to read the secrets of channels, if they are configured."""
        names = self.deployment.secrets.model_dump()
        return [self._secret(names[channel]) for channel in channels if names[channel]]

    def _secret(self, name: str) -> Grant:
        """Return the permission to read a secret. Its ARN ends in six random characters: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html"""
        return Grant(
            "read the secret",
            ("secretsmanager:GetSecretValue",),
            (self._arn("secretsmanager", f"secret:{name}-??????"),),
        )

    def _feed(self, kind: str) -> list[Grant]:
        """Return the permissions to process a queue: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
        actions = (
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
        )
        return [
            Grant(
                "receive and delete messages in the queue of the function",
                actions,
                (self._arn("sqs", self.deployment.queue(kind)),),
            ),
            Grant(
                "move messages that cannot be processed to the dead-letter queue",
                ("sqs:SendMessage",),
                (self._arn("sqs", self.deployment.dead_letters(kind)),),
            ),
        ]

    def _athena(self) -> list[Grant]:
        """Return the permissions to run queries; Athena uses its caller's permissions: https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html"""
        workgroup = self._arn("athena", f"workgroup/{self.deployment.athena.workgroup}")
        actions = (
            "athena:StartQueryExecution",
            "athena:GetQueryExecution",
            "athena:StopQueryExecution",
            "athena:GetWorkGroup",
        )
        tables = ("glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions")
        return [
            Grant("run queries", actions, (workgroup,)),
            self._glue(*tables, why="read table definitions"),
            Grant("locate the bucket for query results", ("s3:GetBucketLocation",), (self._bucket,)),
        ]

    def _glue(self, *actions: str, why: str) -> Grant:
        database = self.deployment.athena.database
        named = ("catalog", f"database/{database}", f"table/{database}/*")
        return Grant(why, actions, tuple(self._arn("glue", name) for name in named))

    def _list(self) -> Grant:
        """Return the permission to list the bucket; without it, S3 returns 403 instead of 404 for a missing object.

        A permission for some prefixes is not sufficient: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        return Grant("list files", ("s3:ListBucket",), (self._bucket,))

    def _objects(self, action: str, *paths: str, why: str) -> Grant:
        return Grant(why, (action,), tuple(f"{self._bucket}/{path}" for path in paths))

    def _changed(self, *paths: str) -> Grant:
        actions = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
        return Grant(
            "write files, and delete replaced files",
            actions,
            tuple(f"{self._bucket}/{path}" for path in paths),
        )

    def _next_step(self) -> Grant:
        return Grant(
            "invoke the next step",
            ("events:PutEvents",),
            (self._arn("events", "event-bus/default"),),
            # Without this condition, the function could send events with the source of S3: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
            {"StringEquals": {"events:source": self.deployment.event_source}},
        )

    def _finding_events(self) -> Grant:
        return Grant(
            "put events about findings",
            ("events:PutEvents",),
            (self._arn("events", "event-bus/default"),),
            {"StringEquals": {"events:source": self.deployment.finding_event_source}},
        )

    def _rows(self, why: str, action: str, kind: str) -> Grant:
        """Return the permission for items of one `kind`, the partition key of the ledger table.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
        """
        return Grant(
            why, (action,), (self._table,), {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [kind]}}
        )

    def _logs_and_traces(self, kind: str) -> list[Grant]:
        group = self._arn("logs", f"log-group:/aws/lambda/{self.deployment.function(kind)}:*")
        traces = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
        return [
            Grant("write logs", ("logs:CreateLogStream", "logs:PutLogEvents"), (group,)),
            Grant("send traces (these actions do not support resource-level permissions)", traces, ("*",)),
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
