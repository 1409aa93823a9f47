"""Queues that feed functions: what a function could not do comes back, and goes to the dead letters in the end."""

from typing import cast

from aws_cdk import Duration, aws_iam, aws_lambda, aws_sns, aws_sns_subscriptions, aws_sqs
from constructs import Construct

# With the pauses of focuswatch.notify.queue_batch, a day and more: what is down for longer, people know of.
MOST_RECEIVES = 100
BATCH = 50
BATCH_WAIT = Duration.seconds(5)
AT_ONCE = 2  # the least there is: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html


def work_queue(
    scope: Construct, id: str, *, name: str, function_timeout: Duration, dead_letters: aws_sqs.Queue
) -> aws_sqs.Queue:
    """A queue whose messages stay hidden for longer than a function may work on them."""
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
    """Let a queue call a function; what of a batch failed comes back alone.

    The mapping itself and not CDK's event source, which grants more than is needed.
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


def subscribe(queue: aws_sqs.Queue, topic: aws_sns.Topic, *, undelivered: aws_sqs.Queue) -> None:
    """Let a queue hear all of a topic, messages as they were sent and attributes beside them.

    `undelivered` keeps what SNS cannot put there, which it drops otherwise: a queue that was deleted or closed is not
    tried again. https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    topic.add_subscription(
        aws_sns_subscriptions.SqsSubscription(
            cast(aws_sqs.IQueue, queue),
            raw_message_delivery=True,
            dead_letter_queue=cast(aws_sqs.IQueue, undelivered),
        )
    )


def hear(queue: aws_sqs.Queue, *, topic_arn: str) -> None:
    """Let a topic of another stack, and perhaps another account, write into a queue; that stack subscribes it."""
    queue.add_to_resource_policy(
        aws_iam.PolicyStatement(
            principals=[aws_iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": topic_arn}},
        )
    )
