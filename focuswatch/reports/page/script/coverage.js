// What the detections evaluated and did not evaluate.

const MOST_NAMES = 5;

function coverageSection(data, currency) {
  const coverage = data.coverage;
  const absent = coverage.services_not_on_bill;
  const facts = [
    ["Charges", `${coverage.first_day} to ${coverage.last_day}, ${count(coverage.sub_accounts ?? 0, "account")}`],
    ["Complete through", `${coverage.last_settled_day ?? "no day"}. Charges for later days can still change, so the detections of waste and anomalies do not use these charges.`],
    ...(data.layers.days.length ? [] : [["AI spend", data.layers.other_providers ? `No AI charges in the last 60 days. ${data.layers.other_providers}.` : "No AI charges in the last 60 days."]]),
    ["Detections", `${count(coverage.detections, "detection")} as of ${data.as_of}`],
    ...(absent.detections.length ? [["Not run", `${count(absent.detections.length, "detection")} for services that are not on the bill (${absent.services.join(", ")})`]] : []),
    ["Suppressed", coverage.suppressed.findings ? `${count(coverage.suppressed.findings, "finding")}, ${money(coverage.suppressed.waste, currency)}/month of waste` : "none"],
  ];
  const warnings = [
    ...coverage.doubts.map((doubt) => `focuswatch did not resolve any findings in the last scan, because ${doubt}.`),
    ...coverage.failures.map((failure) => `Detection failed: ${failure}`),
    ...coverage.not_run.map((detection) => `Detection not run in the last scan: ${detection}.`),
    ...(coverage.missing_accounts.length ? [`The bill contains no recent charges for these accounts: ${few(coverage.missing_accounts)}.`] : []),
    ...coverage.warnings,
  ];
  return section("coverage", "Data and coverage", "This section shows the period that the bill covers and the resources that were not evaluated.",
    make("dl", { class: "pairs" }, facts.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)])),
    warnings.length ? make("ul", { class: "bad" }, warnings.map((warning) => make("li", {}, warning))) : null,
    coverage.launched.length ? make("div", { class: "more" }, make("h3", {}, "Muted by a planned launch"), make("ul", {}, coverage.launched.map((launch) => make("li", {}, launch)))) : null,
    coverage.not_evaluated.length ? notEvaluated(coverage.not_evaluated, currency) : make("p", { class: "note" }, "All resources were evaluated."));
}

function few(names) {
  const listed = names.slice(0, MOST_NAMES).join(", ");
  return names.length > MOST_NAMES ? `${listed} and ${count(names.length - MOST_NAMES, "more account")}` : listed;
}

function notEvaluated(rows, currency) {
  const resources = d3.sum(rows, (row) => row.resources);
  return folded(`${count(resources, "resource")} not evaluated: no usage metrics`, table("Resources without usage metrics", [
    { name: "Detection", class: "text", of: (row) => row.title },
    { name: "Resources", number: true, of: (row) => row.resources.toLocaleString("en-US") },
    { name: `Cost, ${currency}/month`, number: true, of: (row) => amount(row.monthly_cost) },
  ], rows));
}
