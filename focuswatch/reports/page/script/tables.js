// Week-over-week changes, unallocated spend, savings, and the coverage of the data.

const MOST_NAMES = 5;

function moversSection(data, currency) {
  const rows = data.reports.weekly_deltas?.rows ?? [];
  if (!rows.length) return null;
  const widest = { increase: Math.max(0, d3.max(rows, (row) => row.movement)), decrease: Math.max(0, d3.max(rows, (row) => -row.movement)) };
  const columns = [
    { name: "Account and service", class: "text", of: (row) => make("span", {}, make("strong", {}, accountOf(row)), ` ${row.service_name ?? ""} `, make("span", { class: "soft unbroken" }, row.region_id ?? "")) },
    { name: `Last week, ${currency}`, number: true, of: (row) => amount(row.effective_cost) },
    { name: "Week before", number: true, of: (row) => amount(row.effective_cost_before) },
    { name: "Change", number: true, of: (row) => `${row.movement > 0 ? "+" : "−"}${amount(Math.abs(row.movement))}` },
    { name: "", class: "bar narrow-off", of: (row) => bar(row.movement, widest) },
  ];
  const name = `Week-over-week changes, in ${currency}`;
  return section("movers", "Week-over-week changes", `The table compares the spend in the last 7 complete days with the 7 days before, by account, region and service. ${basisOf(data.reports.weekly_deltas)}`,
    table(name, columns, rows, { first: FIRST_ROWS }));
}

// From the point of no change: increases to the right, decreases to the left.
function bar(value, { increase, decrease }) {
  const zero = (100 * decrease) / (decrease + increase || 1);
  const length = (100 * Math.abs(value)) / (decrease + increase || 1);
  const drawing = swatch(value > 0 ? "var(--mark)" : "var(--good)");
  drawing.setAttribute("viewBox", "0 0 100 10");
  drawing.setAttribute("preserveAspectRatio", "none");
  const square = drawing.firstChild;
  square.setAttribute("x", value > 0 ? zero : zero - length);
  square.setAttribute("width", length);
  square.removeAttribute("rx");
  return drawing;
}

function unallocatedSection(data, currency) {
  const rows = data.reports.unowned_spend?.rows ?? [];
  const total = d3.sum(rows, (row) => row.effective_cost);
  if (!rows.length) return null;
  const columns = [
    { name: "Account and service", class: "text", of: (row) => make("span", {}, make("strong", {}, accountOf(row)), ` ${row.service_name ?? ""}`) },
    { name: `30 days, ${currency}`, number: true, of: (row) => amount(row.effective_cost) },
    { name: "Change", number: true, of: (row) => change(row.effective_cost, row.effective_cost_before) },
    { name: "Reason", class: "text", of: (row) => row.unowned_because },
  ];
  const { findings, waste } = data.unowned;
  return section("unallocated", "Unallocated spend", `${money(total, currency)} of spend in the last 30 complete days is not allocated to a team. ${basisOf(data.reports.unowned_spend)} ${count(findings, "finding has", "findings have")} no owner, with waste of ${money(waste, currency)}/month.`,
    table(`Unallocated spend, in ${currency}`, columns, rows, { first: FIRST_ROWS }));
}

function savingsSection(data, currency) {
  const { open, acknowledged, suppressed, expected, verified, not_verified: unverified, findings_not_verified: waiting, resolved } = data.savings;
  if (!acknowledged && !suppressed && !resolved.length) return null; // the waste of open findings is in their section
  const parts = [[acknowledged, "acknowledged"], [suppressed, "suppressed (not included)"]].filter(([cost]) => cost).map(([cost, state]) => `${money(cost, currency)} ${state}`);
  const columns = [
    { name: "Resolved finding", class: "text", of: (row) => row.title },
    { name: "Account", of: (row) => row.account },
    { name: "Team", of: (row) => row.team ?? NO_OWNER },
    { name: "Date", of: (row) => row.resolved_on },
    { name: "Expected", number: true, of: (row) => amount(row.expected) },
    { name: "Verified", number: true, of: (row) => (row.verified == null ? "not yet" : amount(row.verified)) },
  ];
  return section("savings", "Savings", "Expected savings are the cost of resolved waste. Savings are verified when the bill shows the lower cost.",
    tiles(
      tile("Open waste", `${money(open, currency)}/month`, ["potential savings", ...parts].join("; ")),
      tile("Expected savings", `${money(expected, currency)}/month`, "of resolved findings"),
      tile("Verified savings", `${money(verified, currency)}/month`, waiting ? `${count(waiting, "finding")} not yet verified, ${money(unverified, currency)}/month` : "confirmed in the bill")),
    resolved.length ? table(`Resolved findings, in ${currency}/month`, columns, resolved, { first: FIRST_ROWS }) : null);
}

function coverageSection(data, currency) {
  const coverage = data.coverage;
  const facts = [
    ["Charges", `${coverage.first_day} to ${coverage.last_day}, ${count(coverage.sub_accounts ?? 0, "account")}`],
    ["Complete through", `${coverage.last_settled_day ?? "no day"}. Charges of later days can still change and are not used to evaluate waste and anomalies.`],
    ...(data.layers.days.length ? [] : [["AI spend", data.layers.other_providers ? `No AI charges in the last 60 days. ${data.layers.other_providers}.` : "No AI charges in the last 60 days."]]),
    ["Detections", `${count(coverage.detections, "detection")} as of ${data.as_of}`],
    ["Suppressed", coverage.suppressed.findings ? `${count(coverage.suppressed.findings, "finding")}, ${money(coverage.suppressed.waste, currency)}/month of waste` : "none"],
  ];
  const warnings = [
    ...coverage.doubts.map((doubt) => `No findings were resolved in the last scan: ${doubt}.`),
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
