// The daily cost of a finding with its anomalous days. A finding that continues is marked through the last day.

const SERIES_DAYS = 60; // as in athena_sql/lookups/finding_days.sql

// The days of a finding's chart, with its cost, and the days that are marked; null for a finding without a chart.
function seriesOf(data, finding) {
  const series = data.series[finding.fingerprint];
  if (!series) return null;
  const { first_day: first, costs, anomalous_from: from, anomalous_until: until, expected, events } = series;
  const points = costs.map((cost, index) => {
    const text = d3.utcDay.offset(dateOf(first), index).toISOString().slice(0, 10);
    return { day: noon(text), cost, complete: isComplete(text, data), anomalous: from && text >= from && text <= until };
  });
  const continues = continuesOf(finding);
  const end = until ? d3.utcDay.offset(dateOf(until), 1) : null;
  const asOf = dateOf(data.as_of);
  const marked = from ? [{ from: dateOf(from), until: end, opacity: 0.18 }] : [];
  if (from && continues && end < asOf) marked.push({ from: end, until: asOf, opacity: 0.09 });
  return { points, marked, expected, events, continues, from, until, asOf, start: d3.utcDay.offset(asOf, -SERIES_DAYS) };
}

// Of an event, whether the bill shows no end of it.
function continuesOf(finding) {
  return finding.cost_so_far != null && finding.ended_on == null && finding.monthly_cost_if_continues !== 0;
}

function seriesName(finding, series, currency) {
  const days = series.from ? `anomalous days ${period(series.from, series.until)} marked${series.continues ? ", not ended" : ""}` : "no anomalous days marked";
  return `Daily cost of ${placeOf(finding)} in ${currency}, ${days}`;
}

function seriesChart(data, finding, currency) {
  const series = seriesOf(data, finding);
  if (!series) return null;
  return make("div", {},
    chart(seriesName(finding, series, currency), (width) => drawSeries(series, { width, height: 170, detailed: true })),
    make("p", { class: "chart-note" }, [series.events.length ? "Triangles mark days with deployments, alarms or other events of the same service or resource. These events are not necessarily the cause." : "", series.continues && series.from ? "The cost increase of this finding has not ended, so the marked period extends to the last day." : "", incompleteDays(dayBefore(data, 1), data)].filter(Boolean).join(" ")));
}

function sparkline(data, finding, currency) {
  const series = seriesOf(data, finding);
  return series && chart(seriesName(finding, series, currency), (width) => drawSeries(series, { width, height: 44, detailed: false }), make("span", { class: "sparkline" }));
}

// A triangle at the foot of each day with operational events of the same account and service or resource.
function eventMarks(events) {
  const marks = events.map(({ day, events: texts, more }) => ({ day: noon(day), text: [day, ...texts, ...(more ? [`${more} more`] : [])].join("\n") }));
  return Plot.dot(marks, { x: "day", y: 0, symbol: "triangle", r: 4, dy: -5, fill: "var(--ink)", title: "text" });
}

function drawSeries({ points, marked, expected, events, asOf, start }, { width, height, detailed }) {
  const line = { x: "day", y: "cost", stroke: "var(--model-inference)", strokeWidth: 1.6 };
  const axes = detailed
    ? { marginLeft: 40, marginBottom: 26, x: { type: "utc", label: null, ticks: width < 500 ? 4 : 8, tickFormat: tick, domain: [start, asOf] }, y: { label: null, ticks: 4, tickFormat: short, grid: true, zero: true } }
    : { margin: 3, x: { type: "utc", axis: null, domain: [start, asOf] }, y: { axis: null, zero: true } };
  return plot({
    width, height, ...axes,
    marks: [
      Plot.rectX(marked, { x1: "from", x2: "until", fill: "var(--mark)", fillOpacity: "opacity" }),
      Plot.ruleY([0], { stroke: "var(--soft)", strokeOpacity: detailed ? 1 : 0.5 }),
      detailed && expected != null ? Plot.ruleY([expected], { stroke: "var(--soft)", strokeDasharray: "4 3" }) : null,
      detailed && expected != null ? Plot.text([`expected ${short(expected)}`], { x: start, dx: 3, y: expected, dy: -6, textAnchor: "start", fill: "var(--soft)", stroke: "var(--card)", strokeWidth: 3 }) : null,
      ...dailyLine(points, line),
      Plot.dot(points.filter((point) => point.anomalous), { x: "day", y: "cost", fill: "var(--mark)", fillOpacity: (point) => (point.complete ? 1 : INCOMPLETE), r: detailed ? 3 : 2 }),
      detailed ? eventMarks(events) : null,
    ],
  });
}
