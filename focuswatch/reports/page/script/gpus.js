// GPU utilization by machine and day. Machines without a utilization metric are listed with the hours they ran.

const NAME_LETTERS = 20;
const UTILIZATION = [["busy-0", "under 5%", 5], ["busy-1", "5–25%", 25], ["busy-2", "25–50%", 50], ["busy-3", "50–75%", 75], ["busy-4", "75% or more", Infinity]];

const utilizationPaint = (utilization) => paint(utilization == null ? "no-data" : UTILIZATION.find(([, , limit]) => utilization < limit)[0]);
const isMeasured = (machine) => machine.utilization.some((value) => value != null);

function gpusSection(data, currency) {
  const { days, machines } = data.gpus;
  if (!machines.length) return null;
  const [measured, others] = [machines.filter(isMeasured), machines.filter((machine) => !isMeasured(machine))];
  return section("gpus", "GPU utilization", gpuNote(data, measured, others, currency),
    measured.length ? [
      legend([...UTILIZATION.map(([name, range]) => [paint(name), range]), ...(hasGaps(measured) ? [[paint("no-data"), "running, no metric on this day"]] : [])]),
      chart(`GPU utilization by machine and day, ${day(days[0])} to ${day(days.at(-1))}; the table below lists the values`, (width) => gpuChart(data, measured, width)),
    ] : null,
    make("div", { class: "folds" },
      measured.length ? folded("GPU utilization as a table", gpuTable("GPU utilization", measured, currency)) : null,
      others.length ? folded("Without a utilization metric, by cost", gpuTable("GPUs without a utilization metric", others, currency)) : null));
}

const hasGaps = (machines) => machines.some(({ hours, utilization }) => hours.some((value, index) => value && utilization[index] == null));

function gpuNote(data, measured, others, currency) {
  const shown = measured.length ? `The chart shows the ${count(measured.length, "machine or endpoint", "machines and endpoints")} with the highest cost that ${measured.length === 1 ? "has" : "have"} a utilization metric. Each square is one day on which the machine ran. ${incompleteDays(data.gpus.days.at(-1), data)}` : "";
  const cost = d3.sum(others, (machine) => machine.cost);
  return others.length ? `${shown} ${count(others.length, "machine or endpoint", "machines and endpoints")} (${money(cost, currency)} in the last 30 complete days) ${others.length === 1 ? "has" : "have"} no utilization metric. To add utilization metrics, scan with --activity.` : shown;
}

function machineName(machine) {
  return `${shortMachineName(machine)} · ${machine.instance_types}`;
}

function shortMachineName({ account, resource }) {
  return `${cut(account, NAME_LETTERS)} · ${cut(resourceName(resource) || "no resource", NAME_LETTERS)}`;
}

function gpuChart(data, machines, width) {
  const days = data.gpus.days;
  const squares = machines.flatMap((machine, row) => machine.hours.map((hours, index) => ({ row, day: dateOf(days[index]), hours, paint: utilizationPaint(machine.utilization[index]), complete: isComplete(days[index], data) })));
  const narrow = width < 600;
  return plot({
    width, height: (narrow ? 34 : 24) * machines.length + 34, marginLeft: narrow ? 4 : 350, marginTop: 4, marginBottom: 28,
    x: { type: "utc", label: null, ticks: narrow ? 4 : 8, tickFormat: tick },
    y: { type: "band", domain: d3.range(machines.length), label: null, axis: narrow ? null : "left", tickSize: 0, tickFormat: (row) => machineName(machines[row]), padding: 0.12 },
    marks: [
      Plot.rectX(squares.filter((square) => square.hours), { y: "row", x1: "day", x2: (square) => d3.utcDay.offset(square.day, 1), fill: "paint", fillOpacity: (square) => (square.complete ? 1 : INCOMPLETE), stroke: "var(--edge)", strokeWidth: 0.6, inset: 0.6, insetTop: narrow ? 14 : 0 }),
      narrow ? Plot.text(machines, { y: (_, row) => row, frameAnchor: "left", text: shortMachineName, textAnchor: "start", dy: -9 }) : null,
    ],
  });
}

function gpuTable(name, machines, currency) {
  const measured = (machine) => machine.utilization.filter((value) => value != null);
  const hasMetric = machines.some(isMeasured);
  return table(`${name}, by cost, in ${currency}`, [
    { name: "Machine or endpoint", class: "text", of: machineName },
    { name: "Region", of: (machine) => machine.region },
    { name: "GPU hours", number: true, of: (machine) => amount(d3.sum(machine.hours)) },
    ...(hasMetric ? [{ name: "Mean utilization", number: true, of: (machine) => `${Math.round(d3.mean(measured(machine)))}%` }] : []),
    { name: `Cost, ${currency}`, number: true, of: (machine) => amount(machine.cost) },
  ], machines, { first: FIRST_ROWS });
}
