// Movers, what nobody owns, savings, and how far the data goes.

const FIRST_ROWS = 12;
const FEW = 5;

function moversSection(shown, currency) {
  const rows = shown.reports.weekly_deltas?.rows ?? [];
  if (!rows.length) return null;
  const widest = { rise: Math.max(0, d3.max(rows, (row) => row.movement)), fall: Math.max(0, d3.max(rows, (row) => -row.movement)) };
  const columns = [
    { name: "Account and service", class: "place", of: (row) => make("span", {}, make("strong", {}, accountOf(row)), ` ${row.service_name ?? ""} `, make("span", { class: "soft one-word" }, row.region_id ?? "")) },
    { name: `Week, ${currency}`, number: true, class: "narrow-off", of: (row) => amount(row.effective_cost) },
    { name: "Week before", number: true, class: "narrow-off", of: (row) => amount(row.effective_cost_before) },
    { name: "Moved", number: true, of: (row) => `${row.movement > 0 ? "+" : "−"}${amount(Math.abs(row.movement))}` },
    { name: "", class: "bar narrow-off", of: (row) => bar(row.movement, widest) },
  ];
  const name = `What moved most, in ${currency}`;
  return section("movers", "What moved this week", `The last seven settled days against the seven before, by account, region and service.${basisOf(shown.reports.weekly_deltas)}`,
    table(name, columns, rows.slice(0, FIRST_ROWS)),
    rows.length > FIRST_ROWS ? folded(`${rows.length - FIRST_ROWS} smaller movements`, table(`${name}, the smaller ones`, columns, rows.slice(FIRST_ROWS))) : null);
}

// From where nothing moved: to the right what rose, to the left what fell.
function bar(value, { rise, fall }) {
  const zero = (100 * fall) / (fall + rise || 1);
  const length = (100 * Math.abs(value)) / (fall + rise || 1);
  const drawn = swatch(value > 0 ? "var(--mark)" : "var(--good)");
  drawn.setAttribute("viewBox", "0 0 100 10");
  drawn.setAttribute("preserveAspectRatio", "none");
  const square = drawn.firstChild;
  square.setAttribute("x", value > 0 ? zero : zero - length);
  square.setAttribute("width", length);
  square.removeAttribute("rx");
  return drawn;
}

function unownedSection(shown, currency) {
  const rows = shown.reports.unowned_spend?.rows ?? [];
  const total = d3.sum(rows, (row) => row.effective_cost);
  if (!rows.length) return section("unowned", "What nobody owns", "Every charge of the last 30 settled days has an owner.");
  const columns = [
    { name: "Account and service", class: "place", of: (row) => make("span", {}, make("strong", {}, accountOf(row)), ` ${row.service_name ?? ""}`) },
    { name: `30 days, ${currency}`, number: true, of: (row) => amount(row.effective_cost) },
    { name: "Change", number: true, class: "narrow-off", of: (row) => change(row.effective_cost, row.effective_cost_before) },
    { name: "Nobody owns it because", class: "place", of: (row) => row.unowned_because },
  ];
  return section("unowned", "What nobody owns", `${money(total, currency)} of the last 30 settled days reached no team.${basisOf(shown.reports.unowned_spend)} ${count(shown.unowned_findings.findings, "finding")} without an owner, ${money(shown.unowned_findings.waste, currency)}/month of waste.`,
    table(`Spend without an owner, in ${currency}`, columns, rows.slice(0, FIRST_ROWS)),
    rows.length > FIRST_ROWS ? folded(`${rows.length - FIRST_ROWS} more`, table("The rest of the spend without an owner", columns, rows.slice(FIRST_ROWS))) : null);
}

function savingsSection(shown, currency) {
  const { open, acknowledged, silenced, promised, verified, not_read: unread, findings_not_read: waiting, resolved } = shown.savings;
  const known = [[acknowledged, "acknowledged"], [silenced, "silenced beside it"]].filter(([cost]) => cost).map(([cost, how]) => `${money(cost, currency)} ${how}`);
  const columns = [
    { name: "What was resolved", class: "place", of: (row) => row.title },
    { name: "Account", of: (row) => row.account },
    { name: "Team", class: "narrow-off", of: (row) => row.team ?? "nobody" },
    { name: "On", of: (row) => row.resolved_on },
    { name: "Promised", number: true, of: (row) => amount(row.promised) },
    { name: "Verified", number: true, of: (row) => (row.verified == null ? "not yet" : amount(row.verified)) },
  ];
  return section("savings", "Savings", "A finding that is gone is a promise; it is verified when the bill, read again, really costs less.",
    tiles(
      tile("Open", money(open, currency), ["a month, by stopping what is found", ...known].join("; ")),
      tile("Promised", money(promised, currency), "a month, of what was resolved"),
      tile("Verified", money(verified, currency), waiting ? `a month; ${count(waiting, "finding is", "findings are")} still to be read again, ${money(unread, currency)}` : "a month, read again in the bill")),
    resolved.length ? table(`Resolved findings, in ${currency} a month`, columns, resolved) : make("p", { class: "quiet" }, "Nothing was resolved yet."));
}

function freshnessSection(shown, currency) {
  const seen = shown.freshness;
  const facts = [
    ["Charges", `${seen.first_day} to ${seen.last_day}, of ${count(seen.sub_accounts ?? 0, "account")}`],
    ["Settled until", `${seen.last_settled_day ?? "no day"}; later days still grow, and waste and anomalies are judged without them`],
    ["Detections", `${count(seen.detections, "detection")} as of ${shown.as_of}`],
    ["Silenced", seen.silenced.findings ? `${count(seen.silenced.findings, "finding")}, ${money(seen.silenced.waste, currency)} of waste a month` : "none"],
  ];
  const warned = [
    ...seen.doubts.map((doubt) => `Nothing was resolved: ${doubt}.`),
    ...seen.failures.map((failure) => `Failed: ${failure}`),
    ...seen.not_asked.map((one) => `Not asked in the last scan: ${one}.`),
    ...(seen.missing_accounts.length ? [`The bill tells nothing lately of ${few(seen.missing_accounts)}.`] : []),
    ...seen.warnings,
  ];
  return section("freshness", "How far this goes", "What the data covers, and what was not evaluated.",
    make("dl", { class: "pairs" }, facts.flatMap(([name, said]) => [make("dt", {}, name), make("dd", {}, said)])),
    warned.length ? make("ul", { class: "bad" }, warned.map((one) => make("li", {}, one))) : null,
    seen.launched.length ? make("div", { class: "more" }, make("h3", {}, "Not told, because it was planned"), make("ul", {}, seen.launched.map((one) => make("li", {}, one)))) : null,
    seen.not_judged.length ? notJudged(seen.not_judged, currency) : make("p", { class: "note" }, "Everything that was found was judged."));
}

function few(names) {
  const told = names.slice(0, FEW).join(", ");
  return names.length > FEW ? `${told} and ${count(names.length - FEW, "more account")}` : told;
}

function notJudged(rows, currency) {
  return make("div", { class: "more" }, make("h3", {}, "Not judged, because nobody looked at their activity"), table("Resources without activity", [
    { name: "Detection", class: "place", of: (row) => row.title },
    { name: "Resources", number: true, of: (row) => row.resources.toLocaleString("en-US") },
    { name: `At stake, ${currency} a month`, number: true, of: (row) => amount(row.monthly_cost) },
  ], rows));
}
