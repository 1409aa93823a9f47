// Daily AI spend by five layers, with the part that a filter on Amazon Bedrock shows.

const NO_AI_SPEND = "The bill contains no AI charges in the last 60 days.";

function dailySpendSection(data, currency) {
  const { days, layers, bedrock_filter: bedrock, month, last_settled_day: settled, other_providers: others } = data.layers;
  if (!days.length) return section("daily-spend", "Daily AI spend by layer", others ? `The bill contains no AWS AI charges in the last 60 days. ${others}.` : NO_AI_SPEND);
  const total = d3.sum(month, (row) => row.effective_cost);
  const visible = d3.sum(month, (row) => row.seen_by_bedrock_filter);
  const summary = `AI spend in the last 30 days: ${money(total, currency)}. A filter on the service “Amazon Bedrock” shows ${money(visible, currency)} (${percent(visible, total)}) of this spend. The ${money(total - visible, currency)} above the line is not included in that filter.`;
  const incomplete = days.at(-1) > settled ? ` Days after ${day(settled)} are incomplete.` : "";
  const keys = layers.map(({ layer }) => [paint(layer), layer]);
  return section(
    "daily-spend", "Daily AI spend by layer", summary + incomplete,
    legend([...keys, ["var(--filter)", "included in a Bedrock filter"]]),
    chart(`Daily AI spend in ${currency} by five layers, ${day(days[0])} to ${day(days.at(-1))}, with a line for the spend included in a Bedrock filter. ${summary}`,
      (width) => dailySpendChart({ days, layers, bedrock, settled, width, currency })),
    layerTable(month, currency),
    folded("Daily amounts as a table", scrolling("AI spend by day and layer", dailySpendTable({ days, layers, bedrock, currency }))),
  );
}

function dailySpendChart({ days, layers, bedrock, settled, width, currency }) {
  const bars = layers.flatMap(({ layer, costs }) => costs.map((cost, index) => ({ day: dateOf(days[index]), layer, cost, settled: days[index] <= settled })));
  const noon = (text) => d3.utcHour.offset(dateOf(text), 12);
  const totals = days.map((text, index) => ({ day: noon(text), total: d3.sum(layers, ({ costs }) => costs[index]), index }));
  const tooltip = ({ index }) => [days[index], ...layers.map(({ layer, costs }) => `${layer}: ${amount(costs[index])}`), `included in a Bedrock filter: ${amount(bedrock[index])}`].join("\n");
  const line = bedrock.map((cost, index) => ({ day: noon(days[index]), cost }));
  return plot({
    width, height: width < 500 ? 240 : 320, marginLeft: 44,
    x: { type: "utc", label: null, ticks: width < 500 ? 4 : 8, tickFormat: tick }, y: { label: `${currency}/day`, grid: true, tickFormat: short },
    color: { domain: layers.map(({ layer }) => layer), range: layers.map(({ layer }) => paint(layer)) },
    marks: [
      Plot.rectY(bars, { x: "day", interval: "day", y: "cost", fill: "layer", fillOpacity: (bar) => (bar.settled ? 1 : 0.5), inset: 0.4, order: layers.map(({ layer }) => layer) }),
      Plot.line(line, { x: "day", y: "cost", stroke: "var(--card)", strokeWidth: 5 }),
      Plot.line(line, { x: "day", y: "cost", stroke: "var(--filter)", strokeWidth: 2.5 }),
      Plot.ruleY([0], { stroke: "var(--soft)" }),
      Plot.tip(totals, Plot.pointerX({ x: "day", y: "total", title: tooltip, fontSize: 12 })),
    ],
  });
}

function layerTable(month, currency) {
  return table(`AI spend of the last 30 days by layer, in ${currency}`, [
    { name: "Layer", of: (row) => row.layer },
    { name: `30 days, ${currency}`, number: true, of: (row) => amount(row.effective_cost) },
    { name: "Change from previous 30 days", number: true, of: (row) => change(row.effective_cost, row.effective_cost_before) },
    { name: "Not in a Bedrock filter", number: true, of: (row) => percent(row.effective_cost - row.seen_by_bedrock_filter, row.effective_cost) },
    { name: "Accounts", number: true, class: "narrow-off", of: (row) => String(row.sub_accounts) },
  ], month);
}

function dailySpendTable({ days, layers, bedrock, currency }) {
  return table(`AI spend by day and layer, in ${currency}`, [
    { name: "Day", of: (index) => days[index] },
    ...layers.map(({ layer, costs }) => ({ name: layer, number: true, of: (index) => amount(costs[index]) })),
    { name: "included in a Bedrock filter", number: true, of: (index) => amount(bedrock[index]) },
  ], d3.range(days.length).reverse());
}
