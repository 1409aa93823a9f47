// What burns per day, by the five layers, with the part that a filter on Amazon Bedrock misses.

function layersSection(shown, currency) {
  const { days, layers, seen, month, last_settled_day: settled } = shown.layers;
  if (!days.length) return section("burn", "What AI burns a day", shown.layers.other_providers ? `No AWS charge of the last 60 days is of an AI workload. ${shown.layers.other_providers}.` : "No charge of the last 60 days is of an AI workload.");
  const total = d3.sum(month, (row) => row.effective_cost);
  const visible = d3.sum(month, (row) => row.seen_by_bedrock_filter);
  const said = `In the last 30 days AI cost ${money(total, currency)}. A filter on the service “Amazon Bedrock” shows ${money(visible, currency)} of it, ${percent(visible, total)}; what lies above the line is what it misses: ${money(total - visible, currency)}.`;
  const keys = layers.map(({ layer }) => [paint(layer), layer]);
  const grey = !settled ? " All days still grow." : days.at(-1) > settled ? ` Days after ${day(settled)} still grow.` : "";
  return section(
    "burn", "What AI burns a day, by layer", said + grey,
    legend([...keys, ["var(--filter)", "what a Bedrock filter sees"]]),
    chart(`Daily AI cost in ${currency} by five layers, ${day(days[0])} to ${day(days.at(-1))}, with a line for what a Bedrock filter sees. ${said}`,
      (width) => burnChart({ days, layers, seen, settled, width, currency })),
    layerMonth(month, currency),
    folded("Every day as a table", burnTable({ days, layers, seen, currency })),
  );
}

function burnChart({ days, layers, seen, settled, width, currency }) {
  const bars = layers.flatMap(({ layer, costs }) => costs.map((cost, place) => ({ day: date(days[place]), layer, cost, settled: days[place] <= settled })));
  const totals = days.map((one, place) => ({ day: d3.utcHour.offset(date(one), 12), total: d3.sum(layers, ({ costs }) => costs[place]), place }));
  const told = ({ place }) => [days[place], ...layers.map(({ layer, costs }) => `${layer}: ${amount(costs[place])}`), `seen by a Bedrock filter: ${amount(seen[place])}`].join("\n");
  const line = seen.map((cost, place) => ({ day: date(days[place]), cost }));
  return plot({
    width, height: width < 500 ? 240 : 320, marginLeft: 44,
    x: { type: "utc", label: null, ticks: width < 500 ? 4 : 8, tickFormat: tick }, y: { label: `${currency} a day`, grid: true, tickFormat: short },
    color: { domain: layers.map(({ layer }) => layer), range: layers.map(({ layer }) => paint(layer)) },
    marks: [
      Plot.rectY(bars, { x: "day", interval: "day", y: "cost", fill: "layer", fillOpacity: (bar) => (bar.settled ? 1 : 0.5), inset: 0.4, order: layers.map(({ layer }) => layer) }),
      Plot.line(line, { x: (one) => d3.utcHour.offset(one.day, 12), y: "cost", stroke: "var(--card)", strokeWidth: 5 }),
      Plot.line(line, { x: (one) => d3.utcHour.offset(one.day, 12), y: "cost", stroke: "var(--filter)", strokeWidth: 2.5 }),
      Plot.ruleY([0], { stroke: "var(--soft)" }),
      Plot.tip(totals, Plot.pointerX({ x: "day", y: "total", title: told, fontSize: 12 })),
    ],
  });
}

function layerMonth(month, currency) {
  return table(`AI cost of the last 30 days by layer, in ${currency}`, [
    { name: "Layer", of: (row) => row.layer },
    { name: `30 days, ${currency}`, number: true, of: (row) => amount(row.effective_cost) },
    { name: "To the 30 before", number: true, of: (row) => change(row.effective_cost, row.effective_cost_before) },
    { name: "A Bedrock filter misses", number: true, of: (row) => percent(row.effective_cost - row.seen_by_bedrock_filter, row.effective_cost) },
    { name: "Accounts", number: true, class: "narrow-off", of: (row) => String(row.sub_accounts) },
  ], month);
}

function burnTable({ days, layers, seen, currency }) {
  return table(`AI cost by day and layer, in ${currency}`, [
    { name: "Day", of: (place) => days[place] },
    ...layers.map(({ layer, costs }) => ({ name: layer, number: true, of: (place) => amount(costs[place]) })),
    { name: "seen by a Bedrock filter", number: true, of: (place) => amount(seen[place]) },
  ], d3.range(days.length).reverse());
}
