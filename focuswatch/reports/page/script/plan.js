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
  const note = `${whole}${over ? `${count(over, "plan")} will be passed.` : owned.some((row) => row.budget != null) ? "Every plan holds." : "No team has a plan (monthly_budget in owners.toml)."}${basisOf(report)}`;
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
      { name: "Against plan", class: "place", of: (row) => make("span", { class: row.over_by > 0 ? "bad" : "soft" }, row.budget_status ?? "") }] : []),
  ], rows);
}

function portfolioSection(shown, currency) {
  const report = shown.reports.portfolio;
  if (!report?.rows.length) return null;
  const said = shares(sumsBy(report.rows, "intent"));
  return section("portfolio", "What the spend is for", `The last 30 settled days by intent, as owners.toml says it: ${said}.${basisOf(report)}`,
    splitChart(report.rows, currency),
    folded("By use case and team", reportTable(report)));
}

// Money by one of three axes; what is beyond the first dozen is one bar.
const AXES = { intent: ["Intent", (row) => row.intent], use_case: ["Use case", (row) => row.use_case ?? "(no use case)"], team: ["Team", (row) => row.team ?? "(no team)"] };
const BARS = 12;

function sumsBy(rows, axis) {
  const sums = d3.rollups(rows, (group) => d3.sum(group, (row) => row.effective_cost), AXES[axis][1]).sort(([, one], [, other]) => other - one);
  const rest = sums.slice(BARS);
  return rest.length > 1 ? [...sums.slice(0, BARS), [`${rest.length} more`, d3.sum(rest, ([, cost]) => cost)]] : sums;
}

function shares(sums) {
  const total = d3.sum(sums, ([, cost]) => cost);
  return sums.map(([name, cost]) => `${name} ${percent(cost, total)}`).join(", ");
}

function splitChart(rows, currency) {
  const drawn = make("div");
  const select = make("select", {}, Object.entries(AXES).map(([axis, [name]]) => make("option", { value: axis }, name)));
  const draw = () => { drawn.replaceChildren(sumsChart(rows, select.value, currency)); redraw(); };
  select.addEventListener("change", draw);
  drawn.append(sumsChart(rows, "intent", currency));
  return make("div", {}, make("div", { class: "filters" }, field("split", "Split by", select)), drawn);
}

function sumsChart(rows, axis, currency) {
  const sums = sumsBy(rows, axis);
  const intents = new Map(axis === "team" ? [] : rows.map((row) => [AXES[axis][1](row), row.intent]));  // a team has several
  const colour = (name) => paint(INTENTS[intents.get(name)] ?? "tools-and-data");
  const longest = Math.min(240, 14 + 7 * d3.max(sums, ([name]) => name.length));
  return chart(`Spend of 30 settled days by ${AXES[axis][0].toLowerCase()} in ${currency}: ${shares(sums)}`, (width) => plot({
    width, height: 30 * sums.length + 36, marginLeft: Math.min(longest, width / 2), marginTop: 4,
    x: { label: currency, grid: true, tickFormat: short, ticks: width < 500 ? 4 : 8 },
    y: { type: "band", domain: sums.map(([name]) => name), label: null, tickSize: 0, padding: 0.25, tickFormat: (name) => cut(name, 32) },
    marks: [Plot.barX(sums, { y: "0", x: "1", fill: ([name]) => colour(name) })],
  }));
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
