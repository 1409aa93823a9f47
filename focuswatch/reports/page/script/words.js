// How values are written: as focuswatch prints them, so that a number is the same everywhere.

const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

function amount(value) {
  if (value == null) return "–";
  const places = Math.abs(value) < 1000 ? 2 : 0;
  return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
}

function money(value, currency) {
  return value == null ? "–" : `${amount(value)} ${currency}`;
}

function short(value) {
  if (value == null) return "–";
  return new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

function change(now, before) {
  if (!before) return now ? "new" : "–";
  if (now >= 10 * before && before > 0) return `${Math.round(now / before).toLocaleString("en-US")} times`;
  const percent = Math.round((100 * (now - before)) / before);
  return `${percent > 0 ? "+" : percent < 0 ? "−" : ""}${Math.abs(percent)} %`;
}

function percent(part, whole) {
  return whole ? `${Math.round((100 * part) / whole)} %` : "–";
}

function day(text) {
  return days.format(new Date(`${text}T00:00:00Z`));
}

// Under each other in a chart's axis, one line each.
function tick(moment) {
  return days.format(moment);
}

function date(text) {
  return new Date(`${text}T00:00:00Z`);
}

function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}

// The last part of an ARN is what a person calls a resource.
function bare(resource) {
  return resource ? resource.split(/[/:]/).filter(Boolean).pop() ?? resource : "";
}

function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function accountOf({ sub_account_name: name, sub_account_id: id }) {
  return name && id ? `${name} (${id})` : name ?? id ?? "(no account)";
}

// Which cost column of which charges a report's money is.
function basisOf(report) {
  return report?.basis ? ` ${report.basis}.` : "";
}

function label(column) {
  const known = { ai: "AI", gb: "GB", gpu: "GPU", id: "ID", ids: "IDs", ocu: "OCU" };
  const text = column.split("_").map((word) => known[word] ?? word).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function written(value) {
  if (value == null) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? value.toLocaleString("en-US") : amount(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(written).join("\n");
  if (typeof value === "object") return Object.entries(value).map(([key, one]) => `${key} = ${written(one)}`).join("\n");
  return String(value);
}
