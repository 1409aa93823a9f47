// Forecast of the month compared with budgets: a row for each budget, in percent of that budget.

const MOST_PERCENT = 250; // a longer bar is cut; its number is written next to it

function forecastSection(data, currency) {
  const report = data.reports.month_forecast;
  if (!report?.rows.length) return null;
  const budgeted = report.rows.filter((row) => row.budget).sort((one, other) => other.forecast / other.budget - one.forecast / one.budget);
  const named = (of) => report.rows.filter((row) => row.of === of);
  const groups = [["team", "By team"], ["use case", "By use case"], ["service", "By service"]].filter(([of]) => named(of).length);
  return section("forecast", "Forecast compared with budget", `${forecastSummary(data.month, budgeted, currency)} ${basisOf(report)}`,
    budgeted.length ? [
      legend([["var(--model-inference)", "spent"], ["var(--retrieval)", "forecast with 80% interval"], ["var(--mark)", "budget (100%)"]]),
      chart(`Month-end forecast as a percentage of each budget: ${budgeted.map((row) => `${row.name} ${percent(row.forecast, row.budget)}`).join(", ")}`, (width) => forecastChart(budgeted, width, currency))] : null,
    make("div", { class: "folds" },
      budgeted.length ? folded("Budgets as a table", forecastTable("Month-end forecast for each budget", budgeted, currency)) : null,
      groups.map(([of, name]) => folded(name, forecastTable(`Month-end forecast ${name.toLowerCase()}`, named(of), currency)))));
}

function forecastSummary(month, budgeted, currency) {
  const whole = month ? `The bill for ${monthOf(month.first_day)} is forecast to be ${money(month.forecast, currency)} (80% prediction interval: ${amount(month.low)} to ${money(month.high, currency)}).` : "";
  if (!budgeted.length) return `${whole} No team has a budget. Set monthly_budget in owners.toml.`;
  const over = budgeted.filter((row) => row.over_by > 0).length;
  return `${whole} ${over ? `${over} of ${count(budgeted.length, "budget")} ${over === 1 ? "is" : "are"} forecast to be exceeded.` : "No budget is forecast to be exceeded."}`;
}

function forecastChart(rows, width, currency) {
  const narrow = width < 500;
  const share = (row, key) => (row[key] == null ? NaN : Math.min(MOST_PERCENT, (100 * row[key]) / row.budget));
  const most = Math.max(120, d3.max(rows, (row) => Math.max(share(row, "forecast"), share(row, "high"))));
  const name = (index) => rows[index].name;
  const sums = ({ forecast, budget }) => `${percent(forecast, budget)}${narrow ? "" : ` · ${amount(forecast)} of ${money(budget, currency)}`}`;
  const indices = d3.range(rows.length);
  const at = (key) => (index) => share(rows[index], key);
  const y = (index) => index;
  return plot({
    width, height: 26 * rows.length + 46, marginLeft: Math.min(170, width / 3), marginRight: narrow ? 52 : 190, marginTop: 6, marginBottom: 36,
    x: { label: "% of budget", domain: [0, most], grid: true, ticks: narrow ? 4 : 8 },
    y: { type: "band", domain: indices, label: null, tickSize: 0, tickFormat: (index) => cut(name(index), narrow ? 16 : 26), padding: 0.35 },
    marks: [
      Plot.barX(indices, { y, x: at("spent"), fill: "var(--model-inference)" }),
      Plot.ruleY(indices, { y, x1: at("low"), x2: at("high"), stroke: "var(--retrieval)", strokeWidth: 3 }),
      Plot.ruleX([100], { stroke: "var(--mark)", strokeWidth: 2.5 }),
      Plot.dot(indices, { y, x: at("forecast"), fill: "var(--retrieval)", stroke: "var(--card)", r: 5.5 }),
      Plot.text(indices, { y, x: most, text: (index) => sums(rows[index]), textAnchor: "start", dx: 10, fontSize: 12, fontWeight: 600, fill: (index) => (rows[index].over_by > 0 ? "var(--mark)" : "var(--ink)") }),
    ],
  });
}

function forecastTable(name, rows, currency) {
  const hasBudget = rows.some((row) => row.budget != null);
  return table(`${name}, in ${currency}`, [
    { name: "Name", of: (row) => row.name },
    { name: "Spent", number: true, of: (row) => amount(row.spent) },
    { name: "Forecast", number: true, of: (row) => amount(row.forecast) },
    { name: "80% interval", number: true, of: (row) => `${short(row.low)} – ${short(row.high)}` },
    ...(hasBudget ? [
      { name: "Budget", number: true, of: (row) => (row.budget == null ? "–" : amount(row.budget)) },
      { name: "Compared with budget", class: "text", of: (row) => make("span", { class: row.over_by > 0 ? "bad" : "soft" }, row.budget_status ?? "") }] : []),
  ], rows, { first: FIRST_ROWS });
}
