"""The names and ARNs of the deployed resources, derived from the name and the accounts of the deployment.

The stacks and `focuswatch doctor` use only these names, so that a stack in one account can refer to a resource in
another account.
"""

from pydantic import BaseModel, ConfigDict

from focuswatch.operations.deployment_toml_sections import Accounts, Name

# The only Region with an endpoint of Data Exports: https://docs.aws.amazon.com/general/latest/gr/billing.html
PAYER_REGION = "us-east-1"

# The export of recommendations is delivered to the folder of the tables, which the functions may read.
RECOMMENDATIONS_PREFIX, RECOMMENDATIONS_EXPORT = "tables", "recommendations"

RECOMMENDATIONS_DAYS = 14  # retention of a delivery; detections read only the last three days


class ResourceNames(BaseModel):
    """The names and ARNs of the deployed resources."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Name = "focuswatch"
    accounts: Accounts

    @property
    def is_one_account(self) -> bool:
        """Return whether the pipeline runs in the payer account."""
        return self.accounts.payer == self.accounts.pipeline

    @property
    def is_one_account_and_region(self) -> bool:
        """Return whether the pipeline and payer stacks are in the same account and Region."""
        return self.is_one_account and self.accounts.region == PAYER_REGION

    @property
    def bucket(self) -> str:
        """Return the name of the data bucket, fixed so that the payer's export can name it before it exists."""
        return f"{self.name}-{self.accounts.pipeline}-{self.accounts.region}"

    @property
    def event_source(self) -> str:
        """Return the source of the deployment's events on EventBridge, which keeps deployments apart."""
        return self.name

    @property
    def finding_event_source(self) -> str:
        """Return the source of events about findings; it differs from `event_source`, so they invoke no function."""
        return f"{self.name}.findings"

    @property
    def metric_namespace(self) -> str:
        """Return the CloudWatch namespace of the deployment's metrics."""
        return self.name

    @property
    def ledger(self) -> str:
        """Return the name of the ledger's DynamoDB table."""
        return f"{self.name}-ledger"

    def function(self, kind: str) -> str:
        """Return the name of a Lambda function and of its role; `kind` is one of `Deployment.kinds`, or `controls`."""
        return f"{self.name}-{kind}"

    def queue(self, kind: str) -> str:
        """Return the name of the queue that feeds a function of QUEUE_FED."""
        return f"{self.name}-{kind}"

    def queue_arn(self, kind: str) -> str:
        """Return the ARN of `queue`, for a stack in another account."""
        return f"arn:aws:sqs:{self.accounts.region}:{self.accounts.pipeline}:{self.queue(kind)}"

    def dead_letters(self, kind: str) -> str:
        """Return the name of a function's dead-letter queue; `kind` is a function or `spending-undelivered`."""
        return f"{self.name}-{kind}-dead-letters"

    def dead_letters_arn(self, kind: str) -> str:
        """Return the ARN of `dead_letters`."""
        return f"arn:aws:sqs:{self.accounts.region}:{self.accounts.pipeline}:{self.dead_letters(kind)}"

    def topic(self, kind: str) -> str:
        """Return the name of an SNS topic: findings, alarms, spending (in the payer account), or a detection's own."""
        return f"{self.name}-{kind}"

    @property
    def paused_policy(self) -> str:
        """Return the name of the deny policy in each account that has roles with a spend cap."""
        return f"{self.name}-paused"

    @property
    def pause_role(self) -> str:
        """Return the name of the role that attaches and detaches the deny policy, in each of these accounts."""
        return f"{self.name}-pause"

    def pause_role_arn(self, account: str) -> str:
        """Return the ARN of `pause_role` in an account."""
        return f"arn:aws:iam::{account}:role/{self.pause_role}"

    def queue_url(self, kind: str) -> str:
        """Return the URL of a queue in another stack: https://docs.aws.amazon.com/general/latest/gr/sqs-service.html."""
        accounts = self.accounts
        return f"https://sqs.{accounts.region}.amazonaws.com/{accounts.pipeline}/{self.queue(kind)}"

    @property
    def spending_topic_arn(self) -> str:
        """Return the ARN of the payer's topic, to which AWS Budgets and Cost Anomaly Detection publish."""
        return f"arn:aws:sns:{PAYER_REGION}:{self.accounts.payer}:{self.topic('spending')}"

    @property
    def collector_role_arn(self) -> str:
        """Return the ARN of the role of `collect`, which assumes the management role and the member role."""
        return f"arn:aws:iam::{self.accounts.pipeline}:role/{self.function('collect')}"

    @property
    def controls_role_arn(self) -> str:
        """Return the ARN of the role of `controls`, which assumes the pause role of each account."""
        return f"arn:aws:iam::{self.accounts.pipeline}:role/{self.function('controls')}"
