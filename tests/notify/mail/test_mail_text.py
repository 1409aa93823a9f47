"""Mails as their recipients see them: golden files, and what no name from a bill may do to them."""

import os
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from focuswatch.findings.account_owner_evidence_labels import amount
from focuswatch.findings.finding_amount_text import main_amount
from focuswatch.notify.mail.digest_content import MailedLine, digest_mail
from focuswatch.notify.mail.finding_mail import finding_mail
from focuswatch.notify.mail.mail_content import SUBJECT_CHARACTERS
from tests.given.golden_findings import golden_finding
from tests.given.one_line_findings import finding

GOLDEN = Path(__file__).parents[2] / "golden" / "mail"
CASES = [
    *(("idle_sagemaker_endpoint", kind) for kind in ("new", "changed", "reminder", "resolved")),
    ("gpu_burst", "new"),
    ("cost_anomaly", "new"),
]


def mail_of(detection, kind):
    """A mail two weeks after the finding was first seen, at three times the cost if it changed."""
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


def compared(name, text):
    path = GOLDEN / name
    if os.environ.get("FOCUSWATCH_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("detection", "kind"), CASES)
def test_mail_reads_as_its_golden_file(detection, kind):
    mail = mail_of(detection, kind)
    compared(f"{detection}.{kind}.txt", f"Subject: {mail.subject}\n\n{mail.text}")


def test_html_is_as_its_golden_file():
    compared("idle_sagemaker_endpoint.new.html", mail_of("idle_sagemaker_endpoint", "new").html)


def test_digest_reads_as_its_golden_file():
    names = ("idle_sagemaker_endpoint", "gpu_burst", "cost_anomaly", "untagged_ai_spend", "unused_commitment")
    lines = [MailedLine.of(golden_finding(name), kind="new") for name in names]
    lines.append(MailedLine.of(golden_finding("orphaned_opensearch_collection"), kind="resolved"))
    mail = digest_mail(lines, as_of=golden_finding("gpu_burst").as_of)
    compared("digest.txt", f"Subject: {mail.subject}\n\n{mail.text}")
    assert Words.of(mail.html).count("Unusual GPU usage") == 3


class Words(HTMLParser):
    """The text that a mail program shows, the tags and the links of a mail."""

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
        read = cls()
        read.feed(html)
        return " ".join(" ".join(read.words).split())


@pytest.mark.parametrize(("detection", "kind"), CASES)
def test_html_and_text_hold_the_same_words(detection, kind):
    mail = mail_of(detection, kind)
    link = mail.link[1] if mail.link else ""
    text, shown = mail.text.replace(f": {link}", ""), Words.of(mail.html).removeprefix(mail.title)
    assert "".join(text.split()) == "".join(shown.split())


def test_names_from_a_bill_cannot_add_markup_headers_or_links():
    """Whoever names an account or a resource must not write the mail."""
    evil = '</td><script>alert(1)</script><img src="https://evil.example/x"><a href="javascript:x">'
    evil += "\r\nBcc: a@evil.example"
    found = finding(resource=f"arn:aws:x:::{evil}").model_copy(
        update={"sub_account_name": evil, "title": evil, "reason": evil, "action": evil, "region_id": evil}
    )
    mail = finding_mail(found, kind="new", today=found.as_of)
    read = Words()
    read.feed(mail.html)
    assert read.tags <= {
        *(
            "html",
            "head",
            "meta",
            "title",
            "body",
            "div",
            "h1",
            "h2",
            "p",
            "strong",
            "table",
            "tr",
            "td",
            "th",
        ),
        *("a", "code"),
    }
    assert read.attributes <= {"lang", "charset", "style", "href"}
    assert all(link.startswith("https://console.aws.amazon.com/") for link in read.links)
    assert "\n" not in mail.subject and "\r" not in mail.subject
    assert len(mail.subject) <= SUBJECT_CHARACTERS


def test_mail_loads_nothing_from_the_network():
    html = mail_of("gpu_burst", "new").html
    assert not re.search(r"<(img|script|link|iframe|style)|url\(|@import", html)


def test_subject_names_change_finding_amount_and_account():
    mail = mail_of("idle_sagemaker_endpoint", "new")
    assert mail.subject == "New: Idle SageMaker endpoint · 2,400 USD/month · fraud-dev"


def test_digest_adds_up_waste_that_is_open():
    """Currencies, resolved findings and amounts of other categories are not added."""
    waste = golden_finding("idle_sagemaker_endpoint")
    euros = waste.model_copy(update={"currency": "EUR"})
    lines = [
        MailedLine.of(one, kind=kind)
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
    line = MailedLine.of(golden_finding("gpu_burst"), kind="new")
    lines = [line.model_copy(update={"fingerprint": f"{number:020}"}) for number in range(5_000)]
    mail = digest_mail(lines, as_of=golden_finding("gpu_burst").as_of)
    assert "and 4,900 more" in mail.text
    assert len(mail.html) < 150_000
