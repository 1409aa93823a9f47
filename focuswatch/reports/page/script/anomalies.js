// Anomalies, each on its own daily cost.

const MOST_DRIVERS = 6; // of a card; the finding lists all
const SERIES_DAYS = 60; // as in athena_sql/lookups/finding_days.sql

function anomaliesSection(data, currency) {
  const { anomalies } = data;
  if (!anomalies.length) return null;
  const all = data.findings.filter((finding) => finding.category === "anomaly").length;
  const shown = all > anomalies.length ? ` This section shows the ${anomalies.length} anomalies with the highest cost, out of ${all}. The Findings section lists all of them.` : "";
  const marks = anomalies.some(({ events }) => events.length) ? " Triangles mark days with deployments, alarms or other events of the same service or resource, which are not necessarily the cause." : "";
  return section("anomalies", "Anomalies", `Each chart shows the daily cost of an anomaly, with anomalous days marked. The cost drivers are listed below the chart.${marks}${shown}`,
    make("div", { class: "cards" }, anomalies.map((anomaly) => anomalyCard(anomaly, currency, dateOf(data.as_of)))));
}

function anomalyCard(anomaly, currency, asOf) {
  const name = [anomaly.account, resourceName(anomaly.resource) || anomaly.service].filter(Boolean).join(" · ");
  const marked = anomaly.anomalous_from ? `anomalous days ${period(anomaly.anomalous_from, anomaly.anomalous_until)} marked` : "no anomalous days marked";
  const drivers = anomaly.cost_drivers.slice(0, MOST_DRIVERS).map((driver) => make("li", {}, driver.replace(/arn:[^\s,)]*[^\s,):]/g, resourceName)));
  return make("article", { class: "card" },
    make("h3", {}, make("a", { href: `#${anomaly.fingerprint}` }, name)),
    make("p", { class: "soft" }, make("span", { class: "excess" }, `${money(anomaly.monthly_cost, currency)} ${anomaly.amount_is}`), ` · ${anomaly.title} · ${anomaly.team ?? NO_OWNER}`),
    chart(`Daily cost of ${name} in ${currency}, ${marked}`, (width) => anomalyChart(anomaly, width, asOf)),
    make("p", {}, anomaly.reason),
    drivers.length > 1 ? make("ul", { class: "drivers" }, drivers) : null);
}

function anomalyChart({ days, costs, anomalous_from: from, anomalous_until: until, expected, events }, width, asOf) {
  const first = d3.utcDay.offset(asOf, -SERIES_DAYS);
  const points = costs.map((cost, index) => ({ day: dateOf(days[index]), cost, anomalous: from && days[index] >= from && days[index] <= until }));
  const span = from ? [{ from: dateOf(from), until: d3.utcDay.offset(dateOf(until), 1) }] : [];
  return plot({
    width, height: 150, marginLeft: 40, marginBottom: 26,
    x: { type: "utc", label: null, ticks: 4, tickFormat: tick, domain: [first, asOf] }, y: { label: null, ticks: 4, tickFormat: short, grid: true, zero: true },
    marks: [
      Plot.rectX(span, { x1: "from", x2: "until", fill: "var(--mark)", fillOpacity: 0.13 }),
      Plot.ruleY([0], { stroke: "var(--soft)" }),
      Plot.lineY(points, { x: "day", y: "cost", stroke: "var(--model-inference)", strokeWidth: 1.6 }),
      expected == null ? null : Plot.ruleY([expected], { stroke: "var(--soft)", strokeDasharray: "4 3" }),
      expected == null ? null : Plot.text([`expected ${short(expected)}`], { x: first, dx: 3, y: expected, dy: -6, textAnchor: "start", fill: "var(--soft)", stroke: "var(--card)", strokeWidth: 3 }),
      eventMarks(events),
      Plot.dot(points.filter((point) => point.anomalous), { x: "day", y: "cost", fill: "var(--mark)", r: 3 }),
    ],
  });
}

// A triangle at the foot of each day with operational events of the same account and service or resource.
function eventMarks(events) {
  const marks = events.map(({ day, events: texts, more }) => ({ day: dateOf(day), text: [day, ...texts, ...(more ? [`${more} more`] : [])].join("\n") }));
  return Plot.dot(marks, { x: "day", y: 0, symbol: "triangle", r: 4, dy: -5, fill: "var(--ink)", title: "text" });
}
