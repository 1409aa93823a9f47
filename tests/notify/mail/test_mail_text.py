"""Text of mails: golden files of what recipients see, and safety against hostile names from a bill."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.finding_amount_and_age_text import main_amount
from focuswatch.notify.mail.digest_content import MailDigestLine, digest_mail
from focuswatch.notify.mail.email_sections_rendered_as_text_and_html import SUBJECT_CHARACTERS
from focuswatch.notify.mail.finding_mail import finding_mail
from tests.given.golden_files import assert_golden
from tests.given.golden_findings import golden_finding
from tests.given.incidents import with_critical_finding
from tests.given.one_line_findings import finding

CASES = [
    *(("idle_sagemaker_endpoint", kind) for kind in ("new", "changed", "reminder", "resolved")),
    ("gpu_burst", "new"),
    ("cost_anomaly", "new"),
]


def mail_of(detection, kind):
    """Return a mail of two weeks after the finding was first seen; a changed finding costs three times as much."""
    before = golden_finding(detection)
    cost = before.monthly_cost * (3 if kind == "changed" else 1)
    reason = before.reason.replace(amount(before.monthly_cost), amount(cost))
    grown = {
        "monthly_cost": cost,
        "reason": reason,
        "severity": "critical" if kind == "changed" else before.severity,
    }
    after = before.model_copy(update=grown)
    return finding_mail(after, kind=kind, today=before.first_seen + timedelta(days=14), before=before)


@pytest.mark.parametrize(("detection", "kind"), CASES)
def test_mail_matches_its_golden_file(detection, kind):
    mail = mail_of(detection, kind)
    assert_golden(f"mail/{detection}.{kind}.txt", f"Subject: {mail.subject}\n\n{mail.text}")


def test_html_matches_its_golden_file():
    assert_golden("mail/idle_sagemaker_endpoint.new.html", mail_of("idle_sagemaker_endpoint", "new").html)


def test_digest_matches_its_golden_file():
    names = ("idle_sagemaker_endpoint", "gpu_burst", "cost_anomaly", "untagged_ai_spend", "unused_commitment")
    lines = [MailDigestLine.of(golden_finding(name), kind="new") for name in names]
    lines.append(MailDigestLine.of(golden_finding("orphaned_opensearch_collection"), kind="resolved"))
    mail = digest_mail(lines, as_of=golden_finding("gpu_burst").as_of)
    assert_golden("mail/digest.txt", f"Subject: {mail.subject}\n\n{mail.text}")
    assert MailHtml.of(mail.html).count("Unusual GPU usage") == 3


class MailHtml(HTMLParser):
    """The visible text of an HTML mail, its tags, attributes and links."""

    def __init__(self):
        super().__init__()
        self.words, self.tags, self.attributes, self.links = [], set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        self.words.append(data)

    @classmethod
    def of(cls, html):
        parser = cls()
        parser.feed(html)
        return " ".join(" ".join(parser.words).split())


@pytest.mark.parametrize(("detection", "kind"), CASES)
def test_html_and_text_have_the_same_words(detection, kind):
    mail = mail_of(detection, kind)
    link = mail.link[1] if mail.link else ""
    text, shown = mail.text.replace(f": {link}", ""), MailHtml.of(mail.html).removeprefix(mail.title)
    assert "".join(text.split()) == "".join(shown.split())


def test_names_from_a_bill_cannot_add_markup_headers_or_links():
    """Anyone who can name an account or a resource controls these texts."""
    hostile = '</td><script>alert(1)</script><img src="https://evil.example/x"><a href="javascript:x">'
    hostile += "\r\nBcc: a@evil.example"
    hostile_finding = finding(resource=f"arn:aws:x:::{hostile}").model_copy(
        update={
            "sub_account_name": hostile,
            "title": hostile,
            "reason": hostile,
            "action": hostile,
            "region_id": hostile,
        }
    )
    mail = finding_mail(hostile_finding, kind="new", today=hostile_finding.as_of)
    parser = MailHtml()
    parser.feed(mail.html)
    layout = {"html", "head", "meta", "title", "body", "div", "h1", "h2", "table", "tr", "td", "th"}
    assert parser.tags <= layout | {"p", "strong", "a", "code"}
    assert parser.attributes <= {"lang", "charset", "style", "href"}
    assert all(link.startswith("https://console.aws.amazon.com/") for link in parser.links)
    assert "\n" not in mail.subject and "\r" not in mail.subject
    assert len(mail.subject) <= SUBJECT_CHARACTERS


def test_mail_loads_nothing_from_the_network():
    html = mail_of("gpu_burst", "new").html
    assert not re.search(r"<(img|script|link|iframe|style)|url\(|@import", html)


def test_subject_names_change_finding_amount_and_account():
    mail = mail_of("idle_sagemaker_endpoint", "new")
    assert mail.subject == "New: Idle SageMaker endpoint · 2,400 USD/month · fraud-dev"


def test_digest_sums_open_waste():
    """Currencies are summed separately; resolved findings and other categories are left out."""
    waste = golden_finding("idle_sagemaker_endpoint")
    euros = waste.model_copy(update={"currency": "EUR"})
    lines = [
        MailDigestLine.of(one, kind=kind)
        for one, kind in (
            (waste, "new"),
            (waste, "resolved"),
            (euros, "new"),
            (golden_finding("gpu_burst"), "new"),
        )
    ]
    mail = digest_mail(lines, as_of=waste.as_of)
    assert mail.subject == "focuswatch: 4 notifications · 2,400 USD/month and 2,400 EUR/month"
    assert main_amount(golden_finding("gpu_burst")) in mail.text


def test_digest_of_thousands_lists_a_hundred():
    line = MailDigestLine.of(golden_finding("gpu_burst"), kind="new")
    lines = [line.model_copy(update={"fingerprint": f"{number:020}"}) for number in range(5_000)]
    mail = digest_mail(lines, as_of=golden_finding("gpu_burst").as_of)
    assert "and 4,900 more" in mail.text
    assert len(mail.html) < 150_000


def test_mail_shows_the_highest_severity_of_its_incident():
    """The Slack message and the Jira issue show the same severity; a change is relative to it."""
    alone = finding(cost="200")
    lead = with_critical_finding(alone)
    today = lead.as_of
    assert re.search("Severity +critical", finding_mail(lead, kind="new", today=today).text)
    assert MailDigestLine.of(lead, kind="new").severity == "critical"
    grown = lead.model_copy(update={"monthly_cost": lead.monthly_cost * 2})
    assert "previously critical" not in finding_mail(grown, kind="changed", today=today, before=lead).text
    ended = finding_mail(alone, kind="changed", today=today, before=lead).text
    assert "Severity: medium, previously critical." in ended
