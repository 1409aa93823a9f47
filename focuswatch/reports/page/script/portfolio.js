// Portfolio: spend by intent, use case or team.

const INTENTS = { "production": "model-inference", "experiment": "retrieval", "shared": "orchestration-and-compute", "sandbox": "observability" };
const DIMENSIONS = { intent: ["Intent", (row) => row.intent], use_case: ["Use case", (row) => row.use_case ?? "(no use case)"], team: ["Team", (row) => row.team ?? "(no team)"] };
const MOST_BARS = 12; // smaller amounts share one more bar

function portfolioSection(data, currency) {
  const report = data.reports.portfolio;
  if (!report?.rows.length) return null;
  return section("portfolio", "Portfolio: spend by intent", `Spend in the last 30 complete days, by the intent that owners.toml sets for each use case: ${shares(sumsBy(report.rows, "intent"))}. ${basisOf(report)}`,
    splitChart(report.rows, currency),
    folded("By use case and team", reportTable(report)));
}

function sumsBy(rows, dimension) {
  const sums = d3.rollups(rows, (group) => d3.sum(group, (row) => row.effective_cost), DIMENSIONS[dimension][1]).sort(([, one], [, other]) => other - one);
  const smaller = sums.slice(MOST_BARS);
  return smaller.length > 1 ? [...sums.slice(0, MOST_BARS), [`${smaller.length} more`, d3.sum(smaller, ([, cost]) => cost)]] : sums;
}

function shares(sums) {
  const total = d3.sum(sums, ([, cost]) => cost);
  return sums.map(([name, cost]) => `${name} ${percent(cost, total)}`).join(", ");
}

function splitChart(rows, currency) {
  const place = make("div");
  const select = make("select", {}, Object.entries(DIMENSIONS).map(([dimension, [name]]) => make("option", { value: dimension }, name)));
  select.addEventListener("change", () => { place.replaceChildren(sumsChart(rows, select.value, currency)); redraw(); });
  place.append(sumsChart(rows, "intent", currency));
  return make("div", {}, make("div", { class: "filters" }, field("split", "Split by", select)), place);
}

function sumsChart(rows, dimension, currency) {
  const sums = sumsBy(rows, dimension);
  const intents = new Map(dimension === "team" ? [] : rows.map((row) => [DIMENSIONS[dimension][1](row), row.intent]));  // a team has several
  const color = (name) => paint(INTENTS[intents.get(name)] ?? "tools-and-data");
  const longest = Math.min(240, 14 + 7 * d3.max(sums, ([name]) => name.length));
  return chart(`Spend in the last 30 complete days by ${DIMENSIONS[dimension][0].toLowerCase()} in ${currency}: ${shares(sums)}`, (width) => plot({
    width, height: 26 * sums.length + 36, marginLeft: Math.min(longest, width / 2), marginTop: 4,
    x: { label: currency, grid: true, tickFormat: short, ticks: width < 500 ? 4 : 8 },
    y: { type: "band", domain: sums.map(([name]) => name), label: null, tickSize: 0, padding: 0.25, tickFormat: (name) => cut(name, 32) },
    marks: [Plot.barX(sums, { y: "0", x: "1", fill: ([name]) => color(name) })],
  }));
}

// All rows of a report; a column without values is left out.
function reportTable({ title, rows }) {
  const columns = Object.keys(rows[0]).filter((column) => rows.some((row) => row[column] != null));
  return table(title, columns.map((column) => ({
    name: label(column),
    number: rows.some((row) => typeof row[column] === "number"),
    of: (row) => (column === "share" ? percent(row[column], 1) : written(row[column])),
  })), rows);
}
