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

// A figure is an amount with its currency, or a word.
function tile(name, figure, said) {
  const [number, ...unit] = figure.split(" ");
  return make("div", { class: "tile" }, make("dt", {}, name), make("dd", { class: "figure" }, number, unit.length ? make("small", {}, ` ${unit.join(" ")}`) : null), said && make("dd", { class: "said" }, said));
}

function tiles(...shown) {
  return make("dl", { class: "tiles" }, shown);
}

function folded(summary, ...children) {
  return make("details", { class: "more" }, make("summary", {}, summary), children);
}

// What is wider than a phone scrolls on its own, by keyboard too.
function scrolling(name, ...children) {
  return make("div", { class: "scroll", role: "region", "aria-label": name, tabindex: "0" }, children);
}

// `columns`: {name, of, number, class}; `of` gives a cell's text or element.
function table(name, columns, rows) {
  const kind = (column) => [column.number && "number", column.class].filter(Boolean).join(" ") || null;
  const head = columns.map((column) => make("th", { scope: "col", class: kind(column) }, column.name));
  const body = rows.map((row) => make("tr", {}, columns.map((column) => make("td", { class: kind(column) }, column.of(row) ?? ""))));
  const caption = make("caption", { class: "said-once" }, name);
  return scrolling(name, make("table", {}, caption, make("thead", {}, make("tr", {}, head)), make("tbody", {}, body)));
}

function swatch(paint) {
  const space = "http://www.w3.org/2000/svg";
  const drawn = document.createElementNS(space, "svg");
  drawn.setAttribute("viewBox", "0 0 10 10");
  drawn.setAttribute("aria-hidden", "true");
  const square = document.createElementNS(space, "rect");
  for (const [key, value] of Object.entries({ width: 10, height: 10, rx: 2, fill: paint })) square.setAttribute(key, value);
  drawn.append(square);
  return drawn;
}

function legend(items) {
  return make("ul", { class: "legend" }, items.map(([paint, name]) => make("li", {}, swatch(paint), name)));
}
