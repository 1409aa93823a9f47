"""SQS queues that feed functions, their SNS subscriptions, and dead-letter queues for messages that keep failing."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import Duration, aws_iam, aws_lambda, aws_sns, aws_sns_subscriptions, aws_sqs
from constructs import Construct

from infra.acknowledge_nag_findings import acknowledge

DEAD_LETTER_DAYS = 14  # the maximum of SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
# With the delays of focuswatch.notify.retry_or_dead_letter_batch, retries last for about a day.
MOST_RECEIVES = 100
BATCH = 50
BATCH_WAIT = Duration.seconds(5)
AT_ONCE = 2  # the minimum of Lambda: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html


def work_queue(
    scope: Construct, id: str, *, name: str, function_timeout: Duration, dead_letters: aws_sqs.Queue
) -> aws_sqs.Queue:
    """Return a queue whose visibility timeout exceeds the timeout of its function."""
    return aws_sqs.Queue(
        scope,
        id,
        queue_name=name,
        encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
        visibility_timeout=function_timeout.plus(Duration.minutes(1)),
        dead_letter_queue=aws_sqs.DeadLetterQueue(max_receive_count=MOST_RECEIVES, queue=dead_letters),
    )


def feed(function: aws_lambda.Function, queue: aws_sqs.Queue) -> None:
    """Map a queue to a function; only the failed messages of a batch are retried.

    The mapping is created directly, because CDK's event source grants more permissions than needed.
    """
    aws_lambda.EventSourceMapping(
        function,
        "Queue",
        target=function,
        event_source_arn=queue.queue_arn,
        batch_size=BATCH,
        max_batching_window=BATCH_WAIT,
        max_concurrency=AT_ONCE,
        report_batch_item_failures=True,
    )


def subscribe(
    queue: aws_sqs.Queue,
    topic: aws_sns.Topic,
    *,
    undelivered: aws_sqs.Queue,
    categories: Sequence[str] = (),
) -> None:
    """Subscribe a queue to a topic, with raw message delivery: to findings of `categories`, or to all.

    `undelivered` receives messages that SNS cannot deliver to the queue. Without it, SNS would discard these messages:
    SNS does not retry if the queue was deleted or denies access.
    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    topic.add_subscription(
        aws_sns_subscriptions.SqsSubscription(
            cast(aws_sqs.IQueue, queue),
            raw_message_delivery=True,
            dead_letter_queue=cast(aws_sqs.IQueue, undelivered),
            filter_policy={"category": aws_sns.SubscriptionFilter.string_filter(allowlist=list(categories))}
            if categories
            else None,
        )
    )


def allow_topic(queue: aws_sqs.Queue, *, topic_arn: str) -> None:
    """Allow a topic of another stack or account to send to a queue; that stack creates the subscription."""
    queue.add_to_resource_policy(
        aws_iam.PolicyStatement(
            principals=[aws_iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": topic_arn}},
        )
    )


def dead_letters(scope: Construct, id: str, *, name: str) -> aws_sqs.Queue:
    """Return a dead-letter queue, with SSE-SQS encryption, which needs no key policy for EventBridge."""
    queue = aws_sqs.Queue(
        scope,
        id,
        queue_name=name,
        encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(DEAD_LETTER_DAYS),
    )
    acknowledge(
        queue,
        reason="This queue is a dead-letter queue; an alarm reports its messages.",
        findings=["AwsSolutions-SQS3"],
    )
    return queue
