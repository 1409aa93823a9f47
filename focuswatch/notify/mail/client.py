"""Send an email through the Amazon SES API v2, without retries.

SES accepts no idempotency key, so a retry could send an email twice. The boto3 client that is passed in must not retry
either: configure it with `retries={"total_max_attempts": 1}`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.errors import DeliveryError, Refused, TryLater, Unsure
from focuswatch.notify.mail.email_sections_rendered_as_text_and_html import Mail
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_sesv2 import SESV2Client

RATE_RETRY_SECONDS = 10.0
QUOTA_RETRY_SECONDS = 3600.0  # the daily quota counts the last 24 hours
# The rate limit applies to the whole AWS account: https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html
RATE_LIMIT_KEY = "account"
# Error codes: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
THROTTLED = {"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"}
REMEDIES = {
    "BadRequestException": "Correct the address in owners.toml",
    "MessageRejected": "Verify email.sender in SES. In the SES sandbox, verify each recipient too. See docs/email.md",
    "MailFromDomainNotVerifiedException": "Verify the MAIL FROM domain in SES",
    "AccountSuspendedException": "Ask AWS Support to restore email sending for the account",
    "SendingPausedException": "Resume email sending in the SES console",
    "AccessDeniedException": "Deploy again, and check the sending authorization policy of the SES identity",
}


@dataclass(frozen=True)
class Ses:
    """Sends emails from one address, at most one per second, the rate that SES allows every account."""

    ses: "SESV2Client"
    from_address: str
    pace: MessageRateLimit

    def send(self, address: str, mail: Mail, *, id: str) -> str:
        """Send an email and return its SES message id. Raises TryLater (not sent), Unsure (may be sent) or Refused.

        `id` identifies the notification or digest in the header X-Focuswatch-Id.
        """
        from botocore.exceptions import (
            ClientError,
            ConnectTimeoutError,
            EndpointConnectionError,
            HTTPClientError,
        )

        self.pace.wait(RATE_LIMIT_KEY)
        try:
            response = self.ses.send_email(
                FromEmailAddress=self.from_address,
                Destination={"ToAddresses": [address]},
                Content={
                    "Simple": {
                        "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": mail.text, "Charset": "UTF-8"},
                            "Html": {"Data": mail.html, "Charset": "UTF-8"},
                        },
                        # Prevents out-of-office replies: https://www.rfc-editor.org/rfc/rfc3834
                        "Headers": [
                            {"Name": "Auto-Submitted", "Value": "auto-generated"},
                            {"Name": "X-Focuswatch-Id", "Value": id},
                        ],
                    }
                },
            )
        except ClientError as error:
            raise self._translated(error) from error
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise TryLater(
                f"no connection to SES: {type(error).__name__}", seconds=RATE_RETRY_SECONDS
            ) from error
        except HTTPClientError as error:
            raise Unsure(f"SES did not respond: {type(error).__name__}") from error
        return response["MessageId"]

    def _translated(self, error: "ClientError") -> DeliveryError:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        reason = f"SES returned {code}: {message.rstrip('. ')}"
        if code in THROTTLED:
            seconds = QUOTA_RETRY_SECONDS if "quota" in message.lower() else RATE_RETRY_SECONDS
            self.pace.pause(RATE_LIMIT_KEY, seconds=RATE_RETRY_SECONDS)
            return TryLater(reason, seconds=seconds)
        if error.response["ResponseMetadata"].get("HTTPStatusCode", 500) >= 500:
            return Unsure(reason)
        return Refused(f"{reason}. {REMEDIES.get(code, 'See docs/email.md')}.")
