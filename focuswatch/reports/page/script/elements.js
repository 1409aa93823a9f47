// Elements of the page. Text is only ever set as text: nothing that a bill names is read as markup.

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, "");
    else if (value != null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null));
  return element;
}

function section(id, title, note, ...children) {
  const heading = make("h2", { id: `${id}-title` }, title);
  return make("section", { id, "aria-labelledby": `${id}-title` }, heading, note && make("p", { class: "note" }, note), children);
}

// `figure` is an amount with its unit, or a number.
function tile(name, figure, caption) {
  const [number, ...unit] = figure.split(" ");
  return make("div", { class: "tile" }, make("dt", {}, name), make("dd", { class: "figure" }, number, unit.length ? make("small", {}, ` ${unit.join(" ")}`) : null), caption && make("dd", { class: "tile-caption" }, caption));
}

function tiles(...items) {
  return make("dl", { class: "tiles" }, items);
}

function folded(summary, ...children) {
  return make("details", { class: "more" }, make("summary", {}, summary), children);
}

// An element that is wider than a phone scrolls on its own, by keyboard too.
function scrolling(name, ...children) {
  return make("div", { class: "scroll", role: "region", "aria-label": name, tabindex: "0" }, children);
}

// `columns`: {name, of, number, class}; `of` gives a cell's text or element.
function table(name, columns, rows) {
  const classes = (column) => [column.number && "number", column.class].filter(Boolean).join(" ") || null;
  const head = columns.map((column) => make("th", { scope: "col", class: classes(column) }, column.name));
  const body = rows.map((row) => make("tr", {}, columns.map((column) => make("td", { class: classes(column) }, column.of(row) ?? ""))));
  const caption = make("caption", { class: "visually-hidden" }, name);
  return scrolling(name, make("table", {}, caption, make("thead", {}, make("tr", {}, head)), make("tbody", {}, body)));
}

function swatch(paint) {
  const namespace = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(namespace, "svg");
  drawing.setAttribute("viewBox", "0 0 10 10");
  drawing.setAttribute("aria-hidden", "true");
  const square = document.createElementNS(namespace, "rect");
  for (const [key, value] of Object.entries({ width: 10, height: 10, rx: 2, fill: paint })) square.setAttribute(key, value);
  drawing.append(square);
  return drawing;
}

function legend(items) {
  return make("ul", { class: "legend" }, items.map(([paint, name]) => make("li", {}, swatch(paint), name)));
}
