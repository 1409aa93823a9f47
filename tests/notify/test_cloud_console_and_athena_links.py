"""The link of a resource opens the console of its provider; an unknown kind of id has no link."""

import pytest

from focuswatch.notify.cloud_console_and_athena_links import console_text, console_url

SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("resource_id", "url", "text"),
    [
        (
            "arn:aws:s3:::a bucket",
            "https://console.aws.amazon.com/go/view?arn=arn:aws:s3:::a%20bucket",
            "Open in the AWS console",
        ),
        (
            f"{SUBSCRIPTION}/resourceGroups/a#b/providers/Microsoft.Compute/virtualMachines/web",
            f"https://portal.azure.com/#resource{SUBSCRIPTION}/resourceGroups/a%23b/providers/Microsoft.Compute/"
            "virtualMachines/web",
            "Open in the Azure portal",
        ),
        (
            "//compute.googleapis.com/projects/shop-prod/zones/europe-west4-a/instances/1",
            "https://console.cloud.google.com/home/dashboard?project=shop-prod",
            "Open the project in the Google Cloud console",
        ),
    ],
)
def test_resource_has_a_link_to_the_console_of_its_provider(resource_id, url, text):
    assert console_url(resource_id) == url
    assert console_text(url) == text


@pytest.mark.parametrize(
    "resource_id",
    [None, "", "i-1", "gpt-4o", "/subscriptions/prod", "//evil.example/projects/p", "https://x"],
)
def test_other_ids_have_no_link(resource_id):
    assert console_url(resource_id) is None
