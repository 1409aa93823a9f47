"""Create the client and the delivery of each channel from the environment of a Lambda function."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from focuswatch.findings.finding import Finding
from focuswatch.notify.cloud_console_and_athena_links import console_text, console_url, saved_queries_url
from focuswatch.notify.collect_and_post_slack_and_teams_digests import DigestState
from focuswatch.notify.deliver_once_to_each_address import AddressChannel, AddressState, Sender
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.digests_for_post_only_channels import AddressDigests, DigestSender
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit
from focuswatch.owners.channel_address import ChannelKind
from lambdas.clients_and_resources_from_environment import ONCE, PATIENT, Environment

if TYPE_CHECKING:
    from focuswatch.controls.use_case_pause_model import Mode
    from focuswatch.notify.jira.deliver import JiraChannel
    from focuswatch.notify.jira.issue_state_model import IssueState
    from focuswatch.notify.pagerduty.apply_response_to_alert import PagerDutyResponses
    from focuswatch.notify.pagerduty.client import PagerDuty
    from focuswatch.notify.record_response_once import PersonResponse
    from focuswatch.notify.security.deliver_to_security_hub import SecurityHubChannel
    from focuswatch.notify.security.write_ocsf_files_to_s3 import OcsfFiles
    from focuswatch.notify.slack.client import SlackClient
    from focuswatch.notify.slack.deliver import SlackChannel
    from focuswatch.notify.slack.finding_message import Links, SpendingControl
    from focuswatch.notify.slack.incoming_webhook import Webhook
    from focuswatch.notify.slack.jira_closed_reply import JiraClosings
    from focuswatch.notify.slack.parse_slack_secret import SlackSecret
    from focuswatch.notify.slack.post_once import OncePoster
    from focuswatch.notify.slack.route_to_bot_or_webhook import ScheduledMessages, SlackRoutes
    from focuswatch.notify.teams.deliver import TeamsSender
    from focuswatch.notify.teams.record_link_response_and_notify_channel import LinkRecorder


@dataclass(frozen=True)
class ChannelResources(Environment):
    """The channels that the environment of a Lambda function configures."""

    @cached_property
    def slack(self) -> "SlackClient":
        """The Slack workspace. Raises Refused if the secret contains only webhooks."""
        from focuswatch.errors import Refused
        from focuswatch.notify.slack.client import SlackClient

        secret = self._slack_secret
        if secret.token is None:
            raise Refused("the Slack secret contains only webhooks and no bot token")
        return SlackClient(
            secret.token, pace=MessageRateLimit(self.table, channel="slack"), base_url=secret.api
        )

    @property
    def has_bot(self) -> bool:
        """Whether the Slack secret contains a bot token."""
        return "FOCUSWATCH_SLACK_SECRET" in os.environ and self._slack_secret.token is not None

    @cached_property
    def _slack_secret(self) -> "SlackSecret":
        from focuswatch.notify.slack.parse_slack_secret import SlackSecret

        return SlackSecret.read(self.secret("slack"))

    def page_link(self) -> str | None:
        """Return the signed link to the report page for a digest; None if the Slack secret has no signing secret."""
        from focuswatch.reports.page.sign_and_verify_page_link import page_link

        secret = self._slack_secret.signing_secret
        return (
            page_link(os.environ["FOCUSWATCH_LINK_URL"], secret=secret, now=self.clock()) if secret else None
        )

    def slack_routes(self) -> "SlackRoutes":
        """Return the Slack delivery for one batch: through the bot, and through webhooks for teams that have one."""
        from focuswatch.notify.slack.incoming_webhook import Webhook
        from focuswatch.notify.slack.route_to_bot_or_webhook import SlackRoutes

        secret, pace = self._slack_secret, MessageRateLimit(self.table, channel="slack")
        return SlackRoutes(
            bot=self.slack_channel(self.slack) if secret.token else None,
            webhook=lambda url: self.slack_channel(Webhook(url, pace), by_webhook=True),
            urls=secret.webhooks,
            owners=self.owners,
            catalog=self.catalog,
        )

    def slack_channel(self, slack: "SlackClient | Webhook", *, by_webhook: bool = False) -> "SlackChannel":
        """Return the Slack delivery through the bot, or through a webhook, which can only post."""
        from focuswatch.notify.collect_and_post_slack_and_teams_digests import (
            SECONDS_WITHOUT_CHANGE,
            Digests,
            DigestState,
        )
        from focuswatch.notify.slack.combined_message_for_many_findings import render_digest
        from focuswatch.notify.slack.deliver import SlackChannel
        from focuswatch.notify.slack.look_up_channel_ids import Channels
        from focuswatch.notify.slack.message_state_model import SlackState

        gathered = Claims(self.table, channel="slack digests", model=DigestState)
        return SlackChannel(
            slack=slack,
            claims=Claims(self.table, channel="slack", model=SlackState),
            channels=Channels(self.table, slack),
            digests=Digests(
                self.table, gathered, self.clock, render_digest, SECONDS_WITHOUT_CHANGE if by_webhook else 0
            ),
            owners=self.owners,
            catalog=self.catalog,
            links=self._links,
            clock=self.clock,
            threads=not by_webhook,
            spending=self._spending,
        )

    @property
    def controls_mode(self) -> "Mode | None":
        """The mode of spend caps; None if they are not deployed."""
        from focuswatch.controls.use_case_pause_model import MODES

        return MODES[mode] if (mode := os.environ.get("FOCUSWATCH_CONTROLS")) else None

    def _spending(self, finding: Finding) -> "SpendingControl | None":
        """Return the spending control for the message of a finding; None without spend caps or a use case."""
        from focuswatch.controls.carry_out_use_case_pauses import CLAIMS
        from focuswatch.controls.spending_button_content import spending_control
        from focuswatch.controls.use_case_and_cap_of_finding import cap_settings, use_case_of_finding
        from focuswatch.controls.use_case_pause_model import PauseRecord

        use_case, mode = use_case_of_finding(finding, owners=self.owners), self.controls_mode
        if mode is None or use_case is None:
            return None
        days = int(os.environ["FOCUSWATCH_PAUSE_DAYS"])
        cap = cap_settings(use_case, owners=self.owners, mode=mode, pause_days=days)
        records = Claims(self.table, channel=CLAIMS, model=PauseRecord)
        return spending_control(cap, records.state_of(use_case))

    def poster(self) -> "OncePoster":
        """Return the poster that posts each named message once."""
        from focuswatch.notify.slack.post_once import OncePoster

        return OncePoster(self.slack, self.scheduled_messages.claims, self.clock)

    @cached_property
    def scheduled_messages(self) -> "ScheduledMessages":
        """The messages of scheduled functions to the Slack channels of teams and FinOps, each posted once."""
        from focuswatch.notify.slack.incoming_webhook import Webhook
        from focuswatch.notify.slack.look_up_channel_ids import Channels
        from focuswatch.notify.slack.post_once import PostedOnce
        from focuswatch.notify.slack.route_to_bot_or_webhook import ScheduledMessages

        secret, pace = self._slack_secret, MessageRateLimit(self.table, channel="slack")
        return ScheduledMessages(
            bot=self.slack if secret.token else None,
            webhook=lambda url: Webhook(url, pace),
            urls=secret.webhooks,
            owners=self.owners,
            channels=lambda slack: Channels(self.table, slack),
            claims=Claims(self.table, channel="slack said", model=PostedOnce),
            clock=self.clock,
        )

    def can_post_to_finops(self) -> bool:
        """Return whether Slack is configured, and FinOps has a channel that focuswatch can post to."""
        return "FOCUSWATCH_SLACK_SECRET" in os.environ and self.scheduled_messages.can_post_to(None)

    def was_posted(self, name: str) -> bool:
        """Return whether a message was posted under `name`."""
        return self.scheduled_messages.claims.state_of(name) is not None

    def closings(self, progress: Callable[[str], None]) -> "JiraClosings":
        """Return the notifier that replies in Slack when an issue was closed in Jira."""
        from focuswatch.notify.slack.jira_closed_reply import JiraClosings
        from focuswatch.notify.slack.message_state_model import SlackState

        return JiraClosings(self.poster(), Claims(self.table, channel="slack", model=SlackState), progress)

    def _links(self, finding: Finding) -> "Links":
        """Return the links of a Slack message, including the Jira issue if it exists."""
        from focuswatch.notify.slack.finding_message import Links

        issue = self.issues.state_of(finding.incident_id) if "FOCUSWATCH_JIRA_SECRET" in os.environ else None
        return Links(
            query=saved_queries_url(str(self.session.region_name)),
            console=console_url(finding.resource_id),
            jira=issue.url if issue else None,
            jira_key=issue.key if issue else None,
        )

    @cached_property
    def issues(self) -> "Claims[IssueState]":
        """The stored state of Jira issues."""
        from focuswatch.notify.jira.issue_state_model import IssueState

        return Claims(self.table, channel="jira", model=IssueState)

    def webhook_channel(self) -> AddressChannel:
        """Return the delivery to webhooks."""
        from focuswatch.notify.webhook.client import WebhookEndpoint
        from focuswatch.notify.webhook.deliver import WebhookSender, event_source
        from focuswatch.notify.webhook.signing_secrets import WebhookSecrets

        source = event_source(
            account=os.environ["FOCUSWATCH_ACCOUNT"],
            region=str(self.session.region_name),
            name=os.environ["FOCUSWATCH_NAME"],
        )
        secrets = WebhookSecrets.read(self.secret("webhook"))
        return replace(
            self.address_channel("webhook", WebhookSender(WebhookEndpoint(self.clock), secrets, source)),
            each_finding=True,
        )

    def email_channel(self) -> AddressChannel:
        """Return the delivery by email."""
        from focuswatch.notify.mail.client import Ses
        from focuswatch.notify.mail.collect_and_send_digests import MailDigests, MailDigestState
        from focuswatch.notify.mail.daily_limit import DailyLimit
        from focuswatch.notify.mail.send_finding_mail import MailSender

        ses = Ses(
            self.session.client("sesv2", config=ONCE),
            os.environ["FOCUSWATCH_EMAIL_SENDER"],
            MessageRateLimit(self.table, channel="email"),
        )
        claims = Claims(self.table, channel="email digests", model=MailDigestState)
        channel = self.address_channel("email", MailSender(ses, self.clock))
        limit = DailyLimit(self.table, int(os.environ["FOCUSWATCH_EMAIL_DAILY_LIMIT"]))
        return replace(
            channel, digests=MailDigests(self.table, ses, claims, self.clock), has_room=limit.allows
        )

    def security_hub_channel(self) -> "SecurityHubChannel":
        """Return the delivery to Security Hub."""
        from focuswatch.notify.security.asff_finding import SecurityHubAccount
        from focuswatch.notify.security.deliver_to_security_hub import SecurityHubChannel, SecurityHubState
        from focuswatch.notify.security.security_hub_client import SecurityHub

        hub = SecurityHub(self.session.client("securityhub", config=PATIENT))
        account = SecurityHubAccount(
            os.environ["FOCUSWATCH_ACCOUNT"], str(self.session.region_name), os.environ["FOCUSWATCH_NAME"]
        )
        claims = Claims(self.table, channel="securityhub", model=SecurityHubState)
        return SecurityHubChannel(hub, account, claims, self.clock, self.catalog)

    def ocsf_files(self) -> "OcsfFiles":
        """Return the delivery to OCSF files in S3."""
        from focuswatch.notify.security.write_ocsf_files_to_s3 import OcsfFiles

        return OcsfFiles(self.session.client("s3", config=PATIENT), self.bucket, self.catalog)

    def jira_channel(self) -> "JiraChannel":
        """Return the delivery to Jira."""
        from focuswatch.notify.jira.client import JiraClient
        from focuswatch.notify.jira.deliver import JiraChannel

        return JiraChannel(
            claims=self.issues,
            ledger=self.ledger,
            owners=self.owners,
            catalog=self.catalog,
            client=JiraClient.from_secret(self.secret("jira")),
            clock=self.clock,
            query_url=lambda _finding: saved_queries_url(str(self.session.region_name)),
        )

    def teams_channel(self) -> AddressChannel:
        """Return the delivery to Microsoft Teams."""
        sender = self.teams_sender()
        return self.address_channel("teams", sender, digests=sender)

    def teams_sender(self) -> "TeamsSender":
        """Return the sender for Teams webhooks; the links in its messages lead to the function `answer`."""
        from focuswatch.notify.teams.client import TeamsWebhooks
        from focuswatch.notify.teams.deliver import TeamsSender
        from focuswatch.notify.teams.parse_teams_secret import TeamsSecret

        secret = TeamsSecret.read(self.secret("teams"))
        webhooks = TeamsWebhooks(secret, MessageRateLimit(self.table, channel="teams"))
        return TeamsSender(webhooks, os.environ["FOCUSWATCH_LINK_URL"], self.clock)

    def link_recorder(self, show_elsewhere: "Callable[[PersonResponse], None]") -> "LinkRecorder":
        """Return the recorder for responses from links in Teams; `show_elsewhere` is called with each response."""
        from focuswatch.notify.record_response_once import ResponseLedger
        from focuswatch.notify.teams.record_link_response_and_notify_channel import LinkRecorder

        return LinkRecorder(
            responses=ResponseLedger(self.ledger, self.table, show_elsewhere),
            sender=self.teams_sender(),
            owners=self.owners,
            catalog=self.catalog,
            clock=self.clock,
        )

    def pagerduty_channel(self) -> AddressChannel:
        """Return the delivery to PagerDuty."""
        from focuswatch.notify.pagerduty.trigger_and_resolve_alert import PagerDutySender

        return self.address_channel("pagerduty", PagerDutySender(self._pagerduty, self._pagerduty_links))

    def pagerduty_responses(self) -> "PagerDutyResponses | None":
        """Return the client that shows responses in PagerDuty; None if PagerDuty is not configured."""
        from focuswatch.notify.pagerduty.apply_response_to_alert import PagerDutyResponses

        if "FOCUSWATCH_PAGERDUTY_SECRET" not in os.environ:
            return None
        claims = Claims(self.table, channel="pagerduty", model=AddressState)
        return PagerDutyResponses(self._pagerduty, claims)

    @cached_property
    def _pagerduty(self) -> "PagerDuty":
        from focuswatch.notify.pagerduty.client import PagerDuty
        from focuswatch.notify.pagerduty.parse_pagerduty_secret import PagerDutySecret

        return PagerDuty(PagerDutySecret.read(self.secret("pagerduty")))

    def _pagerduty_links(self, finding: Finding) -> dict[str, str | None]:
        url = console_url(finding.resource_id)
        return {
            console_text(url): url,
            "Open the query in Athena": saved_queries_url(str(self.session.region_name)),
        }

    def address_channel(
        self, kind: ChannelKind, sender: Sender, *, digests: DigestSender | None = None
    ) -> AddressChannel:
        """Return the delivery to the addresses of one kind in owners.toml; without `digests`, one finding at a time."""
        return AddressChannel(
            kind=kind,
            sender=sender,
            claims=Claims(self.table, channel=kind, model=AddressState),
            owners=self.owners,
            catalog=self.catalog,
            digests=self._address_digests(kind, digests) if digests else None,
        )

    def _address_digests(self, kind: ChannelKind, sender: DigestSender) -> AddressDigests:
        claims = Claims(self.table, channel=f"{kind} digests", model=DigestState)
        return AddressDigests(self.table, kind=kind, sender=sender, claims=claims, clock=self.clock)
