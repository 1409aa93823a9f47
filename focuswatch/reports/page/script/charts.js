// Charts: each is an image with a name that states what it shows; its numbers are in a table next to it.

const drawings = [];

// `draw(width)` returns a Plot; it is drawn again when its figure gets another width.
function chart(name, draw) {
  const figure = make("figure", {});
  drawings.push({ figure, name, draw, width: 0 });
  return figure;
}

function redraw() {
  for (const drawing of drawings) {
    const width = Math.floor(drawing.figure.clientWidth);
    if (!width || width === drawing.width) continue;
    drawing.width = width;
    const image = drawing.draw(width);
    for (const mark of image.querySelectorAll("[aria-label]")) mark.removeAttribute("aria-label"); // the image has one name
    image.setAttribute("role", "img");
    image.setAttribute("aria-label", drawing.name);
    drawing.figure.replaceChildren(image);
  }
}

// className: the page's policy has the hash of the style that Plot gives this class.
function plot(options) {
  return Plot.plot({ className: "chart", ...options });
}

const paint = (name) => `var(--${name.replaceAll(" ", "-")})`;
