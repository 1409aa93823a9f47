// GPU utilization by machine and day.

const NAME_LETTERS = 20;
const UTILIZATION = [["busy-0", "under 5%", 5], ["busy-1", "5–25%", 25], ["busy-2", "25–50%", 50], ["busy-3", "50–75%", 75], ["busy-4", "75% and more", Infinity]];

const utilizationPaint = (utilization) => paint(utilization == null ? "no-data" : UTILIZATION.find(([, , limit]) => utilization < limit)[0]);

function gpusSection(data, currency) {
  const { days, machines } = data.gpus;
  if (!machines.length) return null;
  const unmeasured = machines.filter((machine) => machine.utilization.every((value) => value == null)).length;
  const missing = unmeasured ? ` ${count(unmeasured, "has", "have")} no utilization metric. Pass utilization metrics with --activity.` : "";
  const note = `The ${count(machines.length, "machine or endpoint", "machines and endpoints")} with the highest cost. Each square is one day, colored by mean GPU utilization. Days without a square: not running.${missing}`;
  return section("gpus", "GPU utilization", note,
    legend([...UTILIZATION.map(([name, range]) => [paint(name), range]), [paint("no-data"), "no metric"]]),
    scrolling("GPU utilization by machine and day", make("div", { class: "wide" }, chart(`GPU utilization by machine and day, ${day(days[0])} to ${day(days.at(-1))}; the table below lists the values`, (width) => gpuChart(days, machines, width)))),
    folded("GPU utilization as a table", gpuTable(machines, currency)));
}

function machineName(machine) {
  return `${shortMachineName(machine)} · ${machine.instance_types}`;
}

function shortMachineName({ account, resource }) {
  return `${cut(account, NAME_LETTERS)} · ${cut(resourceName(resource) || "no resource", NAME_LETTERS)}`;
}

function gpuChart(days, machines, width) {
  const squares = machines.flatMap((machine, row) => machine.hours.map((hours, index) => ({ row, day: dateOf(days[index]), hours, paint: utilizationPaint(machine.utilization[index]) })));
  const narrow = width < 600;
  return plot({
    width: Math.max(width, 320), height: (narrow ? 34 : 24) * machines.length + 34, marginLeft: narrow ? 4 : 350, marginTop: 4, marginBottom: 28,
    x: { type: "utc", label: null, ticks: narrow ? 4 : 8, tickFormat: tick },
    y: { type: "band", domain: d3.range(machines.length), label: null, axis: narrow ? null : "left", tickSize: 0, tickFormat: (row) => machineName(machines[row]), padding: 0.12 },
    marks: [
      Plot.rectX(squares.filter((square) => square.hours), { y: "row", x1: "day", x2: (square) => d3.utcDay.offset(square.day, 1), fill: "paint", inset: 0.6, insetTop: narrow ? 14 : 0 }),
      narrow ? Plot.text(machines, { y: (_, row) => row, frameAnchor: "left", text: shortMachineName, textAnchor: "start", dy: -9 }) : null,
    ],
  });
}

function gpuTable(machines, currency) {
  const measured = (machine) => machine.utilization.filter((value) => value != null);
  return table(`GPUs by cost, in ${currency}`, [
    { name: "Machine or endpoint", class: "text", of: machineName },
    { name: "Region", of: (machine) => machine.region },
    { name: "GPU hours", number: true, of: (machine) => amount(d3.sum(machine.hours)) },
    { name: "Mean utilization", number: true, of: (machine) => (measured(machine).length ? `${Math.round(d3.mean(measured(machine)))}%` : "no metric") },
    { name: `Cost, ${currency}`, number: true, of: (machine) => amount(machine.cost) },
  ], machines);
}
