// AI: daily spend by five layers, with the part that a filter on Amazon Bedrock shows; by team and by model.

const AI_TOTAL = "(total)"; // as in athena_sql/reports/ai_by_team.sql

function aiSection(data, currency) {
  const { days, layers, bedrock_filter: bedrock, month } = data.layers;
  if (!days.length) return null;
  const sums = aiSpent(data);
  const filter = `In Cost Explorer, a filter on the service “Amazon Bedrock” shows ${money(sums.visible, currency)} (${percent(sums.visible, sums.total)} of the AI spend). In the chart, this is the part below the line.`;
  const charged = month.filter((row) => row.effective_cost || row.effective_cost_before);
  const layerPart = charged.length ? part("By layer, last 30 complete days", layerTable(charged, currency)) : null;
  const teams = aiTeamsPart(data, currency);
  const spent = layers.filter(({ costs }) => costs.some((cost) => cost));
  const keys = spent.map(({ layer }) => [paint(layer), layer]);
  return section(
    "ai", "AI spend", `${aiSummary(data, sums, currency)} ${filter} ${incompleteDays(days.at(-1), data)}`,
    legend([...keys, ["var(--filter)", "included in a Bedrock filter"]]),
    chart(`Daily AI spend in ${currency} by layer, ${day(days[0])} to ${day(days.at(-1))}, with a line for the spend included in a Bedrock filter. ${filter}`,
      (width) => layersChart(data, spent, width, currency)),
    make("div", { class: "side-by-side" }, teams ?? layerPart, modelPart(data.reports.model_mix, currency)),
    make("div", { class: "folds" },
      teams && layerPart ? folded("By layer, last 30 complete days", layerTable(charged, currency)) : null,
      folded("Daily amounts as a table", dailySpendTable({ days, layers: spent, bedrock, currency }))),
  );
}

// AI spend of the last 30 complete days, from the daily charges or, if those are missing, from the report.
function aiSpent(data) {
  const { layers, spend } = data;
  if (!spend) {
    const [total, before, visible] = ["effective_cost", "effective_cost_before", "seen_by_bedrock_filter"].map((column) => d3.sum(layers.month, (row) => row[column]));
    return { total, before, visible, from: data.period.from, until: data.period.until };
  }
  const visible = d3.sum(layers.days, (text, index) => (text >= spend.from && text <= spend.until ? layers.bedrock_filter[index] : 0));
  return { total: spend.ai_cost, before: aiTotal(data)?.effective_cost_before, visible, from: spend.from, until: spend.until };
}

function aiSummary(data, { total, before, from, until }, currency) {
  const compared = before ? `, ${change(total, before)} compared with the 30 days before` : "";
  return `AI spend was ${money(total, currency)} from ${day(from)} to ${day(until)}${compared}. AI spend includes usage and subscriptions, but not commitments, credits or tax.${aiForecast(data, currency)}`;
}

function aiForecast(data, currency) {
  const total = aiTotal(data);
  if (total?.forecast == null) return "";
  return ` The forecast of AI spend for ${monthOf(dayBefore(data, 1))} is ${money(total.forecast, currency)} (80% prediction interval: ${amount(total.low)} to ${money(total.high, currency)}).`;
}

function layersChart(data, layers, width, currency) {
  const { days, bedrock_filter: bedrock } = data.layers;
  const bars = layers.flatMap(({ layer, costs }) => costs.map((cost, index) => ({ day: dateOf(days[index]), layer, cost, complete: isComplete(days[index], data) })));
  const totals = days.map((text, index) => ({ day: noon(text), total: d3.sum(layers, ({ costs }) => costs[index]), index }));
  const tooltip = ({ index }) => [days[index], ...layers.map(({ layer, costs }) => `${layer}: ${amount(costs[index])}`), `included in a Bedrock filter: ${amount(bedrock[index])}`].join("\n");
  const line = bedrock.map((cost, index) => ({ day: noon(days[index]), cost, complete: isComplete(days[index], data) }));
  return plot({
    width, height: width < 500 ? 210 : 225, marginLeft: 44,
    x: { type: "utc", label: null, ticks: width < 500 ? 4 : 8, tickFormat: tick }, y: { label: `${currency}/day`, grid: true, ticks: 5, tickFormat: short },
    color: { domain: layers.map(({ layer }) => layer), range: layers.map(({ layer }) => paint(layer)) },
    marks: [
      Plot.rectY(bars, { x: "day", interval: "day", y: "cost", fill: "layer", fillOpacity: (bar) => (bar.complete ? 1 : INCOMPLETE), inset: 0.4, order: layers.map(({ layer }) => layer) }),
      Plot.line(line.filter((point) => point.complete), { x: "day", y: "cost", stroke: "var(--card)", strokeWidth: 5 }),
      ...dailyLine(line, { x: "day", y: "cost", stroke: "var(--filter)", strokeWidth: 2.5 }),
      Plot.ruleY([0], { stroke: "var(--soft)" }),
      Plot.tip(totals, Plot.pointerX({ x: "day", y: "total", title: tooltip, fontSize: 12 })),
    ],
  });
}

function layerTable(month, currency) {
  return table(`AI spend of the last 30 complete days by layer, in ${currency}`, [
    { name: "Layer", of: (row) => row.layer },
    { name: currency, number: true, of: (row) => amount(row.effective_cost) },
    { name: "Change", number: true, of: (row) => change(row.effective_cost, row.effective_cost_before) },
    { name: "Not in a Bedrock filter", number: true, of: (row) => percent(row.effective_cost - row.seen_by_bedrock_filter, row.effective_cost) },
  ], month);
}

// The tokens of each model, all tiers together, with the price of a million of them.
function modelPart(report, currency) {
  if (!report?.rows.length) return null;
  const columns = ["million_tokens", "effective_cost", "million_tokens_before", "effective_cost_before"];
  const sums = (rows) => Object.fromEntries(columns.map((column) => [column, d3.sum(rows, (row) => row[column])]));
  const models = d3.groups(report.rows, (row) => row.model).map(([model, rows]) => ({ model, batch_share: rows[0].batch_share, ...sums(rows) }));
  models.sort((one, other) => other.effective_cost - one.effective_cost);
  const total = { model: "All models", ...sums(report.rows) };
  const price = (row) => (row.million_tokens ? row.effective_cost / row.million_tokens : null);
  const priceBefore = (row) => (row.million_tokens_before ? row.effective_cost_before / row.million_tokens_before : null);
  return part("Models and price per million tokens, last 30 complete days", table(`Token cost of the last 30 complete days by model, in ${currency}`, [
    { name: "Model", class: "text", of: (row) => row.model },
    { name: "Million tokens", number: true, of: (row) => amount(row.million_tokens) },
    { name: `${currency} per million`, number: true, of: (row) => amount(price(row)) },
    { name: "Price change", number: true, of: (row) => (price(row) == null ? "–" : change(price(row), priceBefore(row))) },
    { name: "In batch", number: true, of: (row) => (row.batch_share == null ? "" : percent(row.batch_share, 1)) },
    { name: "Cost share", number: true, of: (row) => percent(row.effective_cost, total.effective_cost) },
  ], models, { first: FIRST_ROWS, total }));
}

// The row of totals of the report ai_by_team; none in a catalog without the report.
function aiTotal(data) {
  return data.reports.ai_by_team?.rows.find((row) => row.team === AI_TOTAL);
}

function aiTeamsPart(data, currency) {
  const report = data.reports.ai_by_team;
  const teams = report?.rows.filter((row) => row.team !== AI_TOTAL) ?? [];
  if (!teams.length) return null;
  const total = aiTotal(data);
  const waste = total?.waste_monthly ? ` AI waste is ${money(total.waste_monthly, currency)}/month, including ${money(total.idle_monthly, currency)}/month for idle resources.` : "";
  return part("AI by team, last 30 complete days", make("p", { class: "note" }, `${basisOf(report)}${waste}`), table(`AI spend by team, last 30 complete days, in ${currency}`, [
    { name: "Team", class: "text", of: (row) => (row.team === AI_TOTAL ? "Total" : row.team) },
    { name: currency, number: true, of: (row) => amount(row.effective_cost) },
    { name: "Million tokens", number: true, of: (row) => (row.million_tokens ? amount(row.million_tokens) : "–") },
    { name: `${currency} per million`, number: true, of: (row) => amount(row.cost_per_million) },
    ...(total?.forecast == null ? [] : [{ name: `Forecast, ${monthOf(dayBefore(data, 1))}`, number: true, of: (row) => amount(row.forecast) }]),
    ...(waste ? [{ name: "Waste per month", number: true, of: (row) => (row.waste_monthly ? amount(row.waste_monthly) : "–") }] : []),
  ], teams, { first: FIRST_ROWS, total }));
}

function dailySpendTable({ days, layers, bedrock, currency }) {
  return table(`AI spend by day and layer, in ${currency}`, [
    { name: "Day", of: (index) => days[index] },
    ...layers.map(({ layer, costs }) => ({ name: layer, number: true, of: (index) => amount(costs[index]) })),
    { name: "included in a Bedrock filter", number: true, of: (index) => amount(bedrock[index]) },
  ], d3.range(days.length).reverse());
}
