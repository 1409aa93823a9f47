// Forecast of the month compared with budgets.

function forecastSection(data, currency) {
  const report = data.reports.month_forecast;
  if (!report?.rows.length) return null;
  const [all] = report.rows.filter((row) => row.of === "all");
  const owned = report.rows.filter((row) => row.of !== "all" && row.of !== "service");
  const services = report.rows.filter((row) => row.of === "service");
  return section("forecast", "Forecast compared with budget", `${forecastSummary(all, owned, currency)}${basisOf(report)}`,
    owned.length ? [
      legend([["var(--model-inference)", "spent"], ["var(--retrieval)", "forecast with 80% interval"], ["var(--mark)", "budget"]]),
      chart(`Forecast at month end compared with budget by team and use case, in ${currency}; the table below lists the values`, (width) => forecastChart(owned, width, currency)),
      forecastTable("Forecast at month end by team and use case", owned, currency)] : null,
    services.length ? folded("By service", forecastTable("Forecast at month end by service", services, currency)) : null);
}

function forecastSummary(all, owned, currency) {
  const whole = all ? `Forecast of the bill at month end: ${money(all.forecast, currency)}, 80% prediction interval ${money(all.low, currency)} to ${money(all.high, currency)}. ` : "";
  const over = owned.filter((row) => row.over_by > 0).length;
  if (over) return `${whole}${count(over, "budget is", "budgets are")} forecast to be exceeded.`;
  return whole + (owned.some((row) => row.budget != null) ? "No budget is forecast to be exceeded." : "No team has a budget. Set monthly_budget in owners.toml.");
}

function forecastChart(rows, width, currency) {
  const indices = d3.range(rows.length);
  const at = (key) => (index) => rows[index][key];
  return plot({
    width, height: 26 * rows.length + 40, marginLeft: Math.min(170, width / 3), marginTop: 6,
    x: { label: currency, grid: true, tickFormat: short, ticks: width < 500 ? 4 : 8 },
    y: { type: "band", domain: indices, label: null, tickSize: 0, tickFormat: (index) => cut(rows[index].name, width < 500 ? 16 : 26), padding: 0.3 },
    marks: [
      Plot.barX(indices, { y: (index) => index, x: at("spent"), fill: "var(--model-inference)" }),
      Plot.ruleY(indices, { y: (index) => index, x1: at("low"), x2: at("high"), stroke: "var(--retrieval)", strokeWidth: 3 }),
      Plot.dot(indices, { y: (index) => index, x: at("forecast"), fill: "var(--retrieval)", stroke: "var(--card)", r: 5 }),
      Plot.tickX(indices.filter(at("budget")), { y: (index) => index, x: at("budget"), stroke: "var(--mark)", strokeWidth: 3 }),
    ],
  });
}

function forecastTable(name, rows, currency) {
  const hasPlan = rows.some((row) => row.budget != null);
  return table(`${name}, in ${currency}`, [
    { name: "Name", of: (row) => row.name },
    { name: "Spent", number: true, class: "narrow-off", of: (row) => amount(row.spent) },
    { name: "Forecast", number: true, of: (row) => amount(row.forecast) },
    { name: "80% interval", number: true, class: "narrow-off", of: (row) => `${short(row.low)} – ${short(row.high)}` },
    ...(hasPlan ? [
      { name: "Budget", number: true, class: "narrow-off", of: (row) => (row.budget == null ? "–" : amount(row.budget)) },
      { name: "Compared with budget", class: "text", of: (row) => make("span", { class: row.over_by > 0 ? "bad" : "soft" }, row.budget_status ?? "") }] : []),
  ], rows);
}
