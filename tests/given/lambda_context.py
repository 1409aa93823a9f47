"""The context that Lambda passes to a function.

https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
"""

from dataclasses import dataclass


@dataclass
class LambdaContext:
    """The context of one invocation. Each time that the function asks for the time left, `seconds_per_call` pass."""

    function_name: str = "function"
    seconds_left: float = 900.0
    seconds_per_call: float = 0.0
    memory_limit_in_mb: int = 128
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the timeout."""
        self.seconds_left -= self.seconds_per_call
        return int(self.seconds_left * 1000)
