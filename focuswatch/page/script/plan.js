// Forecast against plan, and what spend is for.

const INTENTS = { "production": "model-inference", "experiment": "retrieval", "shared": "orchestration-and-compute", "sandbox": "observability" };

function forecastSection(shown, currency) {
  const report = shown.reports.month_forecast;
  if (!report?.rows.length) return null;
  const [all] = report.rows.filter((row) => row.of === "all");
  const owned = report.rows.filter((row) => row.of !== "all" && row.of !== "service");
  const services = report.rows.filter((row) => row.of === "service");
  const over = owned.filter((row) => row.over_by > 0).length;
  const whole = all ? `The whole bill will be ${money(all.forecast, currency)}, between ${money(all.low, currency)} and ${money(all.high, currency)} in four months of five. ` : "";
  const note = `${whole}${over ? `${count(over, "plan")} will be passed.` : owned.some((row) => row.budget != null) ? "Every plan holds." : "No team has a plan (monthly_budget in owners.toml)."}`;
  return section("forecast", "The month at its end, against plan", note,
    owned.length ? [
      legend([["var(--model-inference)", "spent"], ["var(--retrieval)", "forecast, with its interval"], ["var(--mark)", "plan"]]),
      chart(`Forecast of the month's end against plan by team and use case, in ${currency}; the same numbers stand in the table below`, (width) => forecastChart(owned, width, currency)),
      forecastTable("Month's end by team and use case", owned, currency)] : null,
    services.length ? folded("By service", forecastTable("Month's end by service", services, currency)) : null);
}

function forecastChart(rows, width, currency) {
  const places = d3.range(rows.length);
  const at = (key) => (place) => rows[place][key];
  return plot({
    width, height: 26 * rows.length + 40, marginLeft: Math.min(170, width / 3), marginTop: 6,
    x: { label: currency, grid: true, tickFormat: short, ticks: width < 500 ? 4 : 8 },
    y: { type: "band", domain: places, label: null, tickSize: 0, tickFormat: (place) => cut(rows[place].name, width < 500 ? 16 : 26), padding: 0.3 },
    marks: [
      Plot.barX(places, { y: (place) => place, x: at("spent"), fill: "var(--model-inference)" }),
      Plot.ruleY(places, { y: (place) => place, x1: at("low"), x2: at("high"), stroke: "var(--retrieval)", strokeWidth: 3 }),
      Plot.dot(places, { y: (place) => place, x: at("forecast"), fill: "var(--retrieval)", stroke: "var(--card)", r: 5 }),
      Plot.tickX(places.filter(at("budget")), { y: (place) => place, x: at("budget"), stroke: "var(--mark)", strokeWidth: 3 }),
    ],
  });
}

function forecastTable(name, rows, currency) {
  const planned = rows.some((row) => row.budget != null);
  return table(`${name}, in ${currency}`, [
    { name: "Of", of: (row) => row.name },
    { name: "Spent", number: true, class: "narrow-off", of: (row) => amount(row.spent) },
    { name: "Forecast", number: true, of: (row) => amount(row.forecast) },
    { name: "Four of five", number: true, class: "narrow-off", of: (row) => `${short(row.low)} – ${short(row.high)}` },
    ...(planned ? [
      { name: "Plan", number: true, class: "narrow-off", of: (row) => (row.budget == null ? "–" : amount(row.budget)) },
      { name: "Against plan", class: "place", of: (row) => make("span", { class: row.over_by > 0 ? "bad" : "soft" }, row.told ?? "") }] : []),
  ], rows);
}

function portfolioSection(shown, currency) {
  const report = shown.reports.portfolio;
  if (!report?.rows.length) return null;
  const sums = d3.rollups(report.rows, (group) => d3.sum(group, (row) => row.effective_cost), (row) => row.intent ?? NOBODY).sort(([, one], [, other]) => other - one);
  const total = d3.sum(sums, ([, cost]) => cost);
  const colour = (intent) => paint(INTENTS[intent] ?? "tools-and-data");
  const said = sums.map(([intent, cost]) => `${intent} ${percent(cost, total)}`).join(", ");
  return section("portfolio", "What the spend is for", `The last 30 settled days by intent, as owners.toml says it: ${said}.`,
    chart(`Spend of 30 settled days by intent in ${currency}: ${said}`, (width) => plot({
      width, height: 30 * sums.length + 36, marginLeft: 96, marginTop: 4,
      x: { label: currency, grid: true, tickFormat: short, ticks: width < 500 ? 4 : 8 },
      y: { type: "band", domain: sums.map(([intent]) => intent), label: null, tickSize: 0, padding: 0.25 },
      marks: [Plot.barX(sums, { y: "0", x: "1", fill: ([intent]) => colour(intent) })],
    })),
    folded("By use case and team", reportTable(report)));
}

// A report as it comes; a column that says nothing is left out.
function reportTable({ title, rows }) {
  const said = Object.keys(rows[0]).filter((column) => rows.some((row) => row[column] != null));
  return table(title, said.map((column) => ({
    name: label(column),
    number: rows.some((row) => typeof row[column] === "number"),
    of: (row) => (column === "share" ? percent(row[column], 1) : written(row[column])),
  })), rows);
}
