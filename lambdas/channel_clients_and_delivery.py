"""The channels of a Lambda function: their clients, and the delivery to each."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from focuswatch.findings.finding import Finding
from focuswatch.notify.console_and_query_links import console_text, console_url, query_url
from focuswatch.notify.deliver_to_addresses import AddressChannel, AddressState, Sender
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.pacing import MessagePacing
from focuswatch.notify.post_only_digests import AddressDigests, DigestSender
from focuswatch.notify.slack.digest_queue import DigestState
from focuswatch.owners.channel_address import ChannelKind
from lambdas.deployment_resources import ONCE, PATIENT, Environment

if TYPE_CHECKING:
    from focuswatch.controls.spending_pause_record import Mode
    from focuswatch.notify.jira.deliver import JiraChannel
    from focuswatch.notify.jira.stored_issue_state import IssueState
    from focuswatch.notify.pagerduty.client import PagerDuty
    from focuswatch.notify.pagerduty.deliver import PagerDutyResponses
    from focuswatch.notify.response_recording import PersonResponse
    from focuswatch.notify.security.deliver import SecurityHubChannel
    from focuswatch.notify.security.ocsf_files import OcsfFiles
    from focuswatch.notify.slack.client import Slack, SlackSecret
    from focuswatch.notify.slack.deliver import SlackChannel
    from focuswatch.notify.slack.finding_message import Links, SpendingControl
    from focuswatch.notify.slack.incoming_webhook import SlackRoutes, Webhook
    from focuswatch.notify.slack.jira_closed_reply import JiraClosings
    from focuswatch.notify.slack.post_once import OncePoster
    from focuswatch.notify.teams.deliver import TeamsSender
    from focuswatch.notify.teams.record_and_post_link_response import LinkRecorder


@dataclass(frozen=True)
class ChannelResources(Environment):
    """The channels that the environment of a function configures."""

    @cached_property
    def slack(self) -> "Slack":
        """The Slack workspace. Raises Refused if there are only webhooks."""
        from focuswatch.errors import Refused
        from focuswatch.notify.slack.client import Slack

        secret = self._slack_secret
        if secret.token is None:
            raise Refused("the Slack secret contains only webhooks and no bot token")
        return Slack(secret.token, pace=MessagePacing(self.table, channel="slack"), base_url=secret.api)

    @property
    def has_bot(self) -> bool:
        """Whether there is a Slack bot."""
        return "FOCUSWATCH_SLACK_SECRET" in os.environ and self._slack_secret.token is not None

    @cached_property
    def _slack_secret(self) -> "SlackSecret":
        from focuswatch.notify.slack.client import SlackSecret

        return SlackSecret.read(self.secret("slack"))

    def page_link(self) -> str | None:
        """Return the link to the page for a digest; None without a bot, whose endpoint serves the link."""
        from focuswatch.reports.page.signed_page_link import page_link

        secret = self._slack_secret.signing_secret
        return (
            page_link(os.environ["FOCUSWATCH_PAGE_DOOR"], secret=secret, now=self.clock()) if secret else None
        )

    def slack_routes(self) -> "SlackRoutes":
        """Return the Slack delivery for one batch: the bot, and webhooks of teams that have one."""
        from focuswatch.notify.slack.incoming_webhook import SlackRoutes, Webhook

        secret, pace = self._slack_secret, MessagePacing(self.table, channel="slack")
        return SlackRoutes(
            bot=self.slack_channel(self.slack) if secret.token else None,
            webhook=lambda url: self.slack_channel(Webhook(url, pace), by_webhook=True),
            urls=secret.webhooks,
            owners=self.owners,
            catalog=self.catalog,
        )

    def slack_channel(self, slack: "Slack | Webhook", *, by_webhook: bool = False) -> "SlackChannel":
        """Return the delivery through the bot, or through a webhook, which can only post."""
        from focuswatch.notify.slack.deliver import Channels, SlackChannel, SlackState
        from focuswatch.notify.slack.digest_queue import Digests, DigestState
        from focuswatch.notify.slack.incoming_webhook import QUIET_SECONDS

        gathered = Claims(self.table, channel="slack digests", model=DigestState)
        return SlackChannel(
            slack=slack,
            claims=Claims(self.table, channel="slack", model=SlackState),
            channels=Channels(self.table, slack),
            digests=Digests(self.table, gathered, self.clock, QUIET_SECONDS if by_webhook else 0),
            owners=self.owners,
            catalog=self.catalog,
            links=self._links,
            clock=self.clock,
            threads=not by_webhook,
            spending=self._spending,
        )

    @property
    def controls_mode(self) -> "Mode | None":
        """The mode of spend caps; None where they are not deployed."""
        from focuswatch.controls.spending_pause_record import MODES

        return MODES[mode] if (mode := os.environ.get("FOCUSWATCH_CONTROLS")) else None

    def _spending(self, finding: Finding) -> "SpendingControl | None":
        """Return what a message about a use case offers about its spending; None without spend caps."""
        from focuswatch.controls.carry_out_pauses import CLAIMS
        from focuswatch.controls.spending_button import cap_settings, spending_control, use_case_of_finding
        from focuswatch.controls.spending_pause_record import PauseRecord

        use_case, mode = use_case_of_finding(finding, owners=self.owners), self.controls_mode
        if mode is None or use_case is None:
            return None
        days = int(os.environ["FOCUSWATCH_PAUSE_DAYS"])
        cap = cap_settings(use_case, owners=self.owners, mode=mode, pause_days=days)
        records = Claims(self.table, channel=CLAIMS, model=PauseRecord)
        return spending_control(cap, records.state_of(use_case))

    def poster(self) -> "OncePoster":
        """Return what posts each named message once."""
        from focuswatch.notify.slack.post_once import OncePoster, PostedOnce

        return OncePoster(self.slack, Claims(self.table, channel="slack said", model=PostedOnce), self.clock)

    def say(self, name: str, message: Mapping[str, Any], *, channel: str) -> bool:
        """Post a message once under `name`, in the channel of this name; return whether it was posted now."""
        from focuswatch.notify.slack.deliver import Channels

        return self.poster().post(name, message, channel=Channels(self.table, self.slack).id(channel))

    def has_said(self, name: str) -> bool:
        """Return whether a message was posted under `name`."""
        from focuswatch.notify.slack.post_once import PostedOnce

        return Claims(self.table, channel="slack said", model=PostedOnce).state_of(name) is not None

    def closings(self, progress: Callable[[str], None]) -> "JiraClosings":
        """Return what reports issues closed in Jira to Slack."""
        from focuswatch.notify.slack.deliver import SlackState
        from focuswatch.notify.slack.jira_closed_reply import JiraClosings

        return JiraClosings(self.poster(), Claims(self.table, channel="slack", model=SlackState), progress)

    def _links(self, finding: Finding) -> "Links":
        """Return the links of a Slack message; with its Jira issue once it exists."""
        from focuswatch.notify.slack.finding_message import Links

        issue = self.issues.state_of(finding.incident_id) if "FOCUSWATCH_JIRA_SECRET" in os.environ else None
        return Links(
            query=query_url(str(self.session.region_name)),
            console=console_url(finding.resource_id),
            jira=issue.url if issue else None,
            jira_key=issue.key if issue else None,
        )

    @cached_property
    def issues(self) -> "Claims[IssueState]":
        """The recorded state of Jira issues."""
        from focuswatch.notify.jira.stored_issue_state import IssueState

        return Claims(self.table, channel="jira", model=IssueState)

    def webhook_channel(self) -> AddressChannel:
        """Return the delivery to webhooks."""
        from focuswatch.notify.webhook.client import WebhookEndpoint
        from focuswatch.notify.webhook.deliver import WebhookSender, event_source
        from focuswatch.notify.webhook.signing_secrets_and_signatures import WebhookSecrets

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
        """Return the delivery by e-mail."""
        from focuswatch.notify.mail.client import Ses
        from focuswatch.notify.mail.daily_limit import DailyLimit
        from focuswatch.notify.mail.deliver import MailSender
        from focuswatch.notify.mail.mail_digest_queue import MailDigests, MailDigestState

        ses = Ses(
            self.session.client("sesv2", config=ONCE),
            os.environ["FOCUSWATCH_EMAIL_SENDER"],
            MessagePacing(self.table, channel="email"),
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
        from focuswatch.notify.security.client import SecurityHub
        from focuswatch.notify.security.deliver import SecurityHubChannel, SecurityHubState

        hub = SecurityHub(self.session.client("securityhub", config=PATIENT))
        account = SecurityHubAccount(
            os.environ["FOCUSWATCH_ACCOUNT"], str(self.session.region_name), os.environ["FOCUSWATCH_NAME"]
        )
        claims = Claims(self.table, channel="securityhub", model=SecurityHubState)
        return SecurityHubChannel(hub, account, claims, self.clock, self.catalog)

    def ocsf_files(self) -> "OcsfFiles":
        """Return the files of OCSF records."""
        from focuswatch.notify.security.ocsf_files import OcsfFiles

        return OcsfFiles(self.session.client("s3", config=PATIENT), self.bucket, self.catalog)

    def jira_channel(self) -> "JiraChannel":
        """Return the Jira delivery."""
        from focuswatch.notify.jira.client import JiraClient
        from focuswatch.notify.jira.deliver import JiraChannel

        return JiraChannel(
            claims=self.issues,
            ledger=self.ledger,
            owners=self.owners,
            catalog=self.catalog,
            client=JiraClient.from_secret(self.secret("jira")),
            clock=self.clock,
            query_url=lambda _finding: query_url(str(self.session.region_name)),
        )

    def teams_channel(self) -> AddressChannel:
        """Return the delivery to Microsoft Teams."""
        sender = self.teams_sender()
        return self.address_channel("teams", sender, digests=sender)

    def teams_sender(self) -> "TeamsSender":
        """Return the webhooks of Teams; links lead to the function `answer`."""
        from focuswatch.notify.teams.client import TeamsSecret, TeamsWebhooks
        from focuswatch.notify.teams.deliver import TeamsSender

        secret = TeamsSecret.read(self.secret("teams"))
        webhooks = TeamsWebhooks(secret, MessagePacing(self.table, channel="teams"))
        return TeamsSender(webhooks, os.environ["FOCUSWATCH_PAGE_DOOR"], self.clock)

    def link_recorder(self, also: "Callable[[PersonResponse], None]") -> "LinkRecorder":
        """Return what records responses from links in Teams."""
        from focuswatch.notify.response_recording import ResponseLedger
        from focuswatch.notify.teams.record_and_post_link_response import LinkRecorder

        return LinkRecorder(
            responses=ResponseLedger(self.ledger, self.table, also),
            sender=self.teams_sender(),
            owners=self.owners,
            catalog=self.catalog,
            clock=self.clock,
        )

    def pagerduty_channel(self) -> AddressChannel:
        """Return the delivery to PagerDuty."""
        from focuswatch.notify.pagerduty.deliver import PagerDutySender

        return self.address_channel("pagerduty", PagerDutySender(self._pagerduty, self._pagerduty_links))

    def pagerduty_responses(self) -> "PagerDutyResponses | None":
        """Return what brings responses to PagerDuty; None if it is not configured."""
        from focuswatch.notify.pagerduty.deliver import PagerDutyResponses

        if "FOCUSWATCH_PAGERDUTY_SECRET" not in os.environ:
            return None
        claims = Claims(self.table, channel="pagerduty", model=AddressState)
        return PagerDutyResponses(self._pagerduty, claims)

    @cached_property
    def _pagerduty(self) -> "PagerDuty":
        from focuswatch.notify.pagerduty.client import PagerDuty, PagerDutySecret

        return PagerDuty(PagerDutySecret.read(self.secret("pagerduty")))

    def _pagerduty_links(self, finding: Finding) -> dict[str, str | None]:
        url = console_url(finding.resource_id)
        return {
            console_text(url): url,
            "Open the query in Athena": query_url(str(self.session.region_name)),
        }

    def address_channel(
        self, kind: ChannelKind, sender: Sender, *, digests: DigestSender | None = None
    ) -> AddressChannel:
        """Return the delivery to the addresses of one kind in owners.toml; without `digests` one by one."""
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
