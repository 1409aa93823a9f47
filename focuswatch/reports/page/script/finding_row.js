// A finding as a row that opens: its steps and their commands, root cause, evidence, and the other findings of its incident.

function placeOf(finding) {
  const account = hasAccount(finding) ? accountOf(finding) : "the whole organization";
  return [account, finding.region_id, finding.service_name, resourceName(finding.resource_id)].filter(Boolean).join(" · ");
}

function incidentRow(view, [lead, ...related]) {
  return findingRow(view, lead, related);
}

function findingRow(view, finding, related = []) {
  const { title } = view.data.detections[finding.detection];
  const drawn = sparkline(view.data, finding, view.currency);
  const details = make("details", {}, make("summary", { class: drawn ? null : "uncharted" },
    amounts(finding, view.currency),
    make("span", { class: "title" }, title),
    make("span", { class: "where" }, severityOf([finding, ...related]),
      related.length ? make("span", { class: "related" }, ` · ${count(related.length, "related finding")}`) : null,
      ` · ${finding.team ?? NO_OWNER} · ${placeOf(finding)}`),
    drawn));
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    details.append(findingDetails(view, finding, related));
    redraw();
  });
  return make("li", { class: "finding", id: finding.fingerprint }, details);
}

// The highest severity of an incident's findings.
function severityOf(findings) {
  const severity = ["critical", "high", "medium", "low"].find((name) => findings.some((finding) => finding.severity === name));
  return make("span", { class: `severity ${severity}` }, severity);
}

const USUAL_MEANING = { waste: "in potential savings", security: "charged", anomaly: "above expected" }; // the group states it

// An amount by month has its unit next to it. An event has its days, and whether it ended or what it costs if it continues.
function amounts(finding, currency) {
  const monthly = finding.amount_is.startsWith("a month");
  const [figure, label] = [money(finding.monthly_cost, currency), monthly ? finding.amount_is.slice("a month".length).trim() : finding.amount_is];
  const usual = USUAL_MEANING[finding.category];
  const meaning = usual && label.startsWith(usual) ? label.slice(usual.length).trim() : label;
  if (finding.ended_on) return make("span", { class: "money" }, figure, make("small", { class: "below" }, `${meaning}; ended`));
  const continues = finding.monthly_cost_if_continues;
  return make("span", { class: "money" }, monthly ? `${figure}/month` : figure, meaning ? make("small", {}, ` ${meaning}`) : null,
    continues ? make("small", { class: "below" }, `${money(continues, currency)}/month if usage continues`) : null);
}

function findingDetails(view, finding, related) {
  const { blind_spots: limitations, why } = view.data.detections[finding.detection];
  return make("div", { class: "inside" },
    make("p", { class: "reason" }, finding.reason),
    seriesChart(view.data, finding, view.currency),
    inside("What to do", make("p", { class: "steps" }, finding.action), commands(finding)),
    finding.root_cause.length ? inside("Root cause", make("ul", { class: "drivers" }, finding.root_cause.map((line) => make("li", {}, line)))) : null,
    finding.rollout ? inside("Rollout", make("ul", { class: "drivers" }, finding.rollout.map((line) => make("li", {}, line)))) : null,
    related.length ? inside("Related findings with the same cause", make("ol", { class: "findings" }, related.map((other) => findingRow(view, other)))) : null,
    inside("Evidence", make("dl", { class: "pairs" }, factPairs(finding))),
    folded("About this detection and known limitations", make("p", {}, why), make("ul", {}, limitations.map((limitation) => make("li", {}, limitation)))));
}

function inside(title, ...children) {
  return make("div", {}, make("h4", {}, title), children);
}

function factPairs(finding) {
  const { causes, ...evidence } = finding.evidence; // the causes are the root cause
  const facts = {
    resource: finding.resource_id, account: hasAccount(finding) ? accountOf(finding) : null,
    use_case: finding.use_case, intent: finding.intent,
    owner: finding.team ? `${finding.team} (by ${finding.owned_by})` : NO_OWNER,
    days: period(finding.first_seen, finding.last_seen), acknowledged_by: finding.acknowledged_by,
    ...evidence, ...(finding.root_cause.length ? {} : { causes }), detection: finding.detection, fingerprint: finding.fingerprint,
  };
  return Object.entries(facts).filter(([, value]) => value != null).flatMap(([name, value]) => [make("dt", {}, label(name)), make("dd", {}, written(value))]);
}

function commands(finding) {
  return finding.commands.map((command) => {
    const button = make("button", { type: "button", "aria-label": `Copy: ${command}` }, "Copy");
    button.addEventListener("click", async () => { button.textContent = (await copied(command)) ? "Copied" : "Select the text"; });
    return make("div", { class: "command" }, make("code", {}, command), button);
  });
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // some browsers refuse the clipboard to files; the command can be selected instead
  }
}
