// Anomalies on their series, and GPUs by day.

const SAID_CAUSES = 6; // the finding itself has all of them
const SERIES_DAYS = 60; // as athena_sql/lookups/finding_days.sql has it

function anomaliesSection(shown, currency) {
  const drawn = shown.anomalies;
  if (!drawn.length) return null;
  const all = shown.findings.filter((finding) => finding.category === "anomaly").length;
  const rest = all > drawn.length ? ` The ${drawn.length} costliest of ${all}; all are among the findings.` : "";
  return section("anomalies", "Out of pattern", `Each on its own series, the strange days marked, with what the excess is made of.${rest}`,
    make("div", { class: "cards" }, drawn.map((one) => anomalyCard(one, currency, date(shown.as_of)))));
}

function anomalyCard(one, currency, asOf) {
  const name = [one.account, bare(one.resource) || one.service].filter(Boolean).join(" · ");
  const when = one.marked_from ? `marked ${day(one.marked_from)} to ${day(one.marked_until)}` : "no days marked";
  return make("article", { class: "card" },
    make("h3", {}, make("a", { href: `#${one.fingerprint}` }, name)),
    make("p", { class: "soft" }, make("span", { class: "excess" }, `${money(one.monthly_cost, currency)} ${one.amount_is}`), ` · ${one.title} · ${one.team ?? NOBODY}`),
    chart(`Daily cost of ${name} in ${currency}, ${when}`, (width) => anomalyChart(one, width, asOf)),
    make("p", {}, one.reason),
    one.causes.length > 1 ? make("ul", { class: "causes" }, one.causes.slice(0, SAID_CAUSES).map((cause) => make("li", {}, cause.replace(/arn:[^\s,)]*[^\s,):]/g, bare)))) : null);
}

function anomalyChart({ days, costs, marked_from: from, marked_until: until, expected }, width, asOf) {
  const points = costs.map((cost, place) => ({ day: date(days[place]), cost, strange: from && days[place] >= from && days[place] <= until }));
  const span = from ? [{ from: date(from), until: d3.utcDay.offset(date(until), 1) }] : [];
  return plot({
    width, height: 150, marginLeft: 40, marginBottom: 26,
    x: { type: "utc", label: null, ticks: 4, tickFormat: tick, domain: [d3.utcDay.offset(asOf, -SERIES_DAYS), asOf] }, y: { label: null, ticks: 4, tickFormat: short, grid: true, zero: true },
    marks: [
      Plot.rectX(span, { x1: "from", x2: "until", fill: "var(--mark)", fillOpacity: 0.13 }),
      Plot.ruleY([0], { stroke: "var(--soft)" }),
      Plot.lineY(points, { x: "day", y: "cost", stroke: "var(--model-inference)", strokeWidth: 1.6 }),
      expected == null ? null : Plot.ruleY([expected], { stroke: "var(--soft)", strokeDasharray: "4 3" }),
      expected == null ? null : Plot.text([`expected ${short(expected)}`], { x: d3.utcDay.offset(asOf, -SERIES_DAYS), dx: 3, y: expected, dy: -6, textAnchor: "start", fill: "var(--soft)", stroke: "var(--card)", strokeWidth: 3 }),
      Plot.dot(points.filter((point) => point.strange), { x: "day", y: "cost", fill: "var(--mark)", r: 3 }),
    ],
  });
}

const NAME_LETTERS = 20;
const BUSY = [["busy-0", "under 5 %", 5], ["busy-1", "to 25 %", 25], ["busy-2", "to 50 %", 50], ["busy-3", "to 75 %", 75], ["busy-4", "above", Infinity]];

const busyness = (utilization) => (utilization == null ? "unseen" : BUSY.find(([, , limit]) => utilization < limit)[0]);

function gpusSection(shown, currency) {
  const { days, machines } = shown.gpus;
  if (!machines.length) return null;
  const unseen = machines.filter((machine) => machine.utilization.every((one) => one == null)).length;
  const note = `The ${count(machines.length, "machine or endpoint", "machines and endpoints")} that cost most, a square a day: how busy its GPUs were; empty where it did not run.${unseen ? ` Of ${unseen} nobody looked at the use (see --activity).` : ""}`;
  return section("gpus", "GPUs, day by day", note,
    legend([...BUSY.map(([name, said]) => [paint(name), said]), ["var(--unseen)", "ran, nobody looked"]]),
    scrolling("GPU use by machine and day", make("div", { class: "wide" }, chart(`GPU use by machine and day, ${day(days[0])} to ${day(days.at(-1))}; the same numbers stand in the table below`, (width) => gpuChart(days, machines, width)))),
    folded("GPUs as a table", gpuTable(machines, currency)));
}

function gpuName({ account, resource, instance_types: types }) {
  return `${gpuShortName({ account, resource })} · ${types}`;
}

function gpuShortName({ account, resource }) {
  return `${cut(account, NAME_LETTERS)} · ${cut(bare(resource) || "no resource", NAME_LETTERS)}`;
}

function gpuChart(days, machines, width) {
  const squares = machines.flatMap((machine, row) => machine.hours.map((hours, place) => ({ row, day: date(days[place]), hours, paint: paint(busyness(machine.utilization[place])) })));
  const narrow = width < 600;
  return plot({
    width: Math.max(width, 320), height: (narrow ? 34 : 24) * machines.length + 34, marginLeft: narrow ? 4 : 350, marginTop: 4, marginBottom: 28,
    x: { type: "utc", label: null, ticks: narrow ? 4 : 8, tickFormat: tick },
    y: { type: "band", domain: d3.range(machines.length), label: null, axis: narrow ? null : "left", tickSize: 0, tickFormat: (row) => gpuName(machines[row]), padding: 0.12 },
    marks: [
      Plot.rectX(squares.filter((square) => square.hours), { y: "row", x1: "day", x2: (square) => d3.utcDay.offset(square.day, 1), fill: "paint", inset: 0.6, insetTop: narrow ? 14 : 0 }),
      narrow ? Plot.text(machines, { y: (_, row) => row, frameAnchor: "left", text: gpuShortName, textAnchor: "start", dy: -9 }) : null,
    ],
  });
}

function gpuTable(machines, currency) {
  const looked = (machine) => machine.utilization.filter((one) => one != null);
  return table(`GPUs by cost, in ${currency}`, [
    { name: "Machine or endpoint", class: "place", of: gpuName },
    { name: "Region", of: (machine) => machine.region },
    { name: "GPU hours", number: true, of: (machine) => amount(d3.sum(machine.hours)) },
    { name: "Mean use", number: true, of: (machine) => (looked(machine).length ? `${Math.round(d3.mean(looked(machine)))} %` : "nobody looked") },
    { name: `Cost, ${currency}`, number: true, of: (machine) => amount(machine.cost) },
  ], machines);
}
