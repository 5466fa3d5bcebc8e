// What is wrong with the page that is open, as it stands now: a list of [rule, what].
// For the tests; no report has this in it. All `details` are opened first, so that nothing is passed over.
const found = [];
const told = (element) => {
  const text = (element.getAttribute?.("aria-label") || element.textContent || "").trim().replace(/\s+/g, " ");
  const id = element.id ? `#${element.id}` : "";
  const classes = [...(element.classList || [])].map((name) => `.${name}`).join("");
  return `<${element.localName}${id}${classes}> ${JSON.stringify(text.slice(0, 50))}`;
};
const wrong = (rule, element, what) => {
  // Twenty of a kind are enough to mend it.
  if (found.filter(([other]) => other === rule).length < 20) {
    found.push([rule, `${element ? told(element) + ": " : ""}${what}`]);
  }
};
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

all("details").forEach((details) => { details.open = true; });

// ---- What is seen ------------------------------------------------------------------------------------
const boxes = new Map();
const box = (element) => {
  if (!boxes.has(element)) boxes.set(element, element.getBoundingClientRect());
  return boxes.get(element);
};
const styles = new Map();
const style = (element) => {
  if (!styles.has(element)) styles.set(element, getComputedStyle(element));
  return styles.get(element);
};
const ancestors = function* (element) {
  for (let each = element; each; each = each.parentElement) yield each;
};
// Text for screen readers alone is clipped to nothing.
const isForReadersOnly = (element) =>
  [...ancestors(element)].some((each) => style(each).position === "absolute" && style(each).clipPath === "inset(50%)");
const isSeen = (element) =>
  element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box(element).width > 0 && box(element).height > 0;
const isScrollBox = (element) => ["auto", "scroll"].includes(style(element).overflowX);
const isTab = (element) => element.tabIndex >= 0 && !element.disabled;
const svgOf = (element) => [...ancestors(element)].filter((each) => each.localName === "svg").pop();

// ---- Boxes -------------------------------------------------------------------------------------------
const width = innerWidth;
if (document.documentElement.scrollWidth > width) {
  wrong("overflow", null, `the page is ${document.documentElement.scrollWidth} px wide in a window of ${width} px`);
}
for (const element of all("body *")) {
  const svg = svgOf(element);
  if ((svg && svg !== element) || !isSeen(element) || isForReadersOnly(element)) continue;
  const { left, right } = box(element);
  // A link for the keyboard alone waits outside until it has the focus.
  if (style(element).position === "absolute" && right <= 0) continue;
  const scrolls = [...ancestors(element.parentElement)].some(isScrollBox);
  if (!scrolls && (right > width + 1 || left < -1)) {
    wrong("overflow", element, `from ${Math.round(left)} to ${Math.round(right)} px in a window of ${width} px`);
  }
  if (["hidden", "clip"].includes(style(element).overflowX) && element.scrollWidth > element.clientWidth + 1 && !svg) {
    wrong("cut", element, `${element.scrollWidth} px of text in ${element.clientWidth} px`);
  }
  if (isScrollBox(element) && element.scrollWidth > element.clientWidth + 1) {
    if (!isTab(element) && !all("*", element).some(isTab)) {
      wrong("keyboard", element, "scrolls, and cannot be reached by the keyboard");
    }
  }
}

// ---- Text in drawings --------------------------------------------------------------------------------
const overlap = (a, b) => {
  // A box of text is higher than its letters.
  const [high, low] = [0.22 * a.height, 0.22 * b.height];
  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const down = Math.min(a.bottom - high, b.bottom - low) - Math.max(a.top + high, b.top + low);
  return across > 2 && down > 1;
};
for (const svg of all("svg")) {
  if (svgOf(svg) !== svg || !isSeen(svg)) continue;
  const edge = box(svg);
  const texts = all("text", svg).filter((text) => isSeen(text) && text.textContent.trim());
  for (const text of texts) {
    const { left, right, top, bottom } = box(text);
    if (left < edge.left - 1 || right > edge.right + 1 || top < edge.top - 2 || bottom > edge.bottom + 2) {
      wrong("cut", text, "leaves its drawing");
    }
  }
  // Marks, such as arrows, may lie close together; words may not.
  const words = texts.filter((text) => /[\p{L}\p{N}]/u.test(text.textContent));
  words.forEach((text, at) => {
    for (const other of words.slice(at + 1)) {
      if (overlap(box(text), box(other))) wrong("overlap", text, `is written over ${told(other)}`);
    }
  });
}

// ---- Contrast ----------------------------------------------------------------------------------------
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const colours = new Map();
const colour = (text) => {
  if (!colours.has(text)) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    colours.set(text, [red, green, blue, alpha / 255]);
  }
  return colours.get(text);
};
const over = ([red, green, blue, alpha], below) =>
  [red, green, blue].map((value, at) => value * alpha + below[at] * (1 - alpha)).concat(1);
const faded = ([red, green, blue, alpha], by) => [red, green, blue, alpha * by];
const luminance = (rgb) => {
  const [red, green, blue] = rgb.slice(0, 3).map((value) => {
    const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ratio = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
// Where nothing is painted, the colour scheme decides.
const bare = () => {
  const probe = document.createElement("i");
  probe.style.color = "Canvas";
  document.documentElement.append(probe);
  const answer = getComputedStyle(probe).color;
  probe.remove();
  return colour(answer);
};
const paper = bare();
// Each colour that may lie below: of a gradient each of its stops.
const below = (element) => {
  let layers = [];
  for (const each of ancestors(element)) {
    if (each.namespaceURI !== "http://www.w3.org/1999/xhtml" && each.localName !== "svg") continue;
    const stops = style(each).backgroundImage.match(/(rgba?|oklch|oklab|hsla?|color)\([^()]*\)/g) || [];
    layers.push(stops.length > 0 ? stops.map(colour) : [colour(style(each).backgroundColor)]);
    if (layers.at(-1).every(([, , , alpha]) => alpha === 1)) break;
  }
  return layers.reverse().reduce((grounds, layer) => layer.flatMap((top) => grounds.map((ground) => over(top, ground))), [paper]);
};
const shapes = new Map();
const belowInDrawing = (text, svg) => {
  if (!shapes.has(svg)) shapes.set(svg, all("rect, circle, ellipse, path, polygon", svg).filter(isSeen));
  const centre = { x: box(text).left + box(text).width / 2, y: box(text).top + box(text).height / 2 };
  let grounds = below(svg);
  for (const shape of shapes.get(svg)) {
    if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
    const { left, right, top, bottom } = box(shape);
    if (centre.x < left || centre.x > right || centre.y < top || centre.y > bottom) continue;
    const { fill, fillOpacity, opacity } = style(shape);
    if (fill === "none" || fill.startsWith("url")) continue;
    const local = new DOMPoint(centre.x, centre.y).matrixTransform(shape.getScreenCTM().inverse());
    if (!shape.isPointInFill(local)) continue;
    const painted = faded(colour(fill), Number(fillOpacity) * Number(opacity));
    grounds = grounds.map((ground) => over(painted, ground));
  }
  return grounds;
};
const unread = ["script", "style", "noscript", "template", "title", "desc"];
const holders = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const parent = walker.currentNode.parentElement;
  if (walker.currentNode.data.trim() && !unread.includes(parent.localName)) holders.add(parent);
}
for (const element of holders) {
  if (!isSeen(element) || isForReadersOnly(element)) continue;
  const svg = svgOf(element);
  const painted = style(element);
  const opacity = [...ancestors(element)].reduce((so_far, each) => so_far * Number(style(each).opacity), 1);
  const ink = faded(colour(svg ? painted.fill : painted.color), opacity * (svg ? Number(painted.fillOpacity) : 1));
  let grounds = svg ? belowInDrawing(element, svg) : below(element);
  // A halo round the letters is what they stand on.
  if (svg && painted.paintOrder.startsWith("stroke") && painted.stroke !== "none" && parseFloat(painted.strokeWidth) >= 2) {
    grounds = grounds.map((ground) => over(colour(painted.stroke), ground));
  }
  const size = parseFloat(painted.fontSize) * (svg ? element.getScreenCTM?.().a ?? 1 : 1);
  const isLarge = size >= 24 || (size >= 18.66 && Number(painted.fontWeight) >= 700);
  const least = Math.min(...grounds.map((ground) => ratio(over(ink, ground), ground)));
  if (least < (isLarge ? 3 : 4.5)) wrong("contrast", element, `${least.toFixed(2)} : 1`);
  // On paper a wide drawing is made narrower, and a page of it has more dots than a screen.
  if (size < (matchMedia("print").matches ? 6.5 : 9.5)) wrong("small", element, `letters of ${size.toFixed(1)} px`);
}
const [ground] = below(document.body);
const isDark = matchMedia("(prefers-color-scheme: dark)").matches && !matchMedia("print").matches;
if (isDark && luminance(ground) > 0.2) wrong("dark", null, "the page is bright where dark is asked for");
if (!isDark && luminance(ground) < 0.8) wrong("dark", null, "the page is dark where light is asked for");

// ---- Names -------------------------------------------------------------------------------------------
const textOf = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
const name = (element) => [
  textOf(element.getAttribute("aria-labelledby") || ""),
  element.getAttribute("aria-label"),
  [...(element.labels || [])].map((label) => label.textContent).join(" "),
  element.localName === "svg" ? element.querySelector(":scope > title")?.textContent : element.textContent,
  all("img", element).map((image) => image.alt).join(" "),
  element.getAttribute("title"),
].some((text) => text && text.trim());
const isHidden = (element) => [...ancestors(element)].some((each) => each.getAttribute("aria-hidden") === "true");
for (const element of all("a[href], button, input, select, textarea, summary, [role=button], [role=link], [role=img]")) {
  if (!isHidden(element) && isSeen(element) && !name(element)) wrong("name", element, "has no name");
}
for (const svg of all("svg")) {
  if (svgOf(svg) === svg && !isHidden(svg) && isSeen(svg) && !name(svg)) wrong("name", svg, "a drawing without a name");
}
for (const image of all("img:not([alt])")) wrong("name", image, "an image without alt");
for (const element of all("[aria-hidden=true] *")) if (isTab(element) && isSeen(element)) wrong("name", element, "hidden from readers, and in the order of Tab");

// ---- Structure ---------------------------------------------------------------------------------------
if (!document.documentElement.lang) wrong("lang", null, "the page does not say its language");
if (!document.title.trim()) wrong("title", null, "the page has no title");
if (!/width=device-width/.test(document.querySelector("meta[name=viewport]")?.content || "")) {
  wrong("viewport", null, "a phone shows the page as if it were a desk");
}
const headings = all("h1, h2, h3, h4, h5, h6").filter(isSeen);
const levels = headings.map((heading) => Number(heading.localName[1]));
if (levels.filter((level) => level === 1).length !== 1) wrong("headings", null, `${levels.filter((level) => level === 1).length} headings of the first level`);
headings.forEach((heading, at) => {
  if (at > 0 && levels[at] > levels[at - 1] + 1) wrong("headings", heading, `of level ${levels[at]}, below one of level ${levels[at - 1]}`);
});
for (const table of all("table")) if (!table.querySelector("th") && isSeen(table)) wrong("table", table, "has no headers");
const ids = new Set();
for (const element of all("[id]")) {
  if (ids.has(element.id)) wrong("id", element, "is not the only one with its id");
  ids.add(element.id);
}
for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls", "for", "headers"]) {
  for (const element of all(`[${attribute}]`)) {
    for (const id of element.getAttribute(attribute).split(/\s+/)) {
      if (id && !ids.has(id)) wrong("id", element, `${attribute} names ${id}, which is nowhere`);
    }
  }
}
for (const element of all("use, [fill^='url('], [clip-path^='url('], [marker-end^='url('], [mask^='url(']")) {
  const named = element.localName === "use" ? [element.getAttribute("href") || ""] : [...element.attributes].map((attribute) => attribute.value.match(/^url\((.*)\)$/)?.[1] ?? "");
  for (const id of named) if (id.startsWith("#") && !ids.has(id.slice(1))) wrong("id", element, `names ${id}, which is nowhere`);
}
for (const link of all("a[href^='#']")) {
  const id = decodeURIComponent(link.getAttribute("href").slice(1));
  if (id && id !== "top" && !ids.has(id)) wrong("link", link, `leads to #${id}, which is nowhere`);
}

// ---- Nothing but this file ---------------------------------------------------------------------------
const outside = (address) => address && !/^(data:|#|about:)/.test(address.trim());
for (const element of all("[src], link[href], use[href], image[href], object[data]")) {
  const address = element.getAttribute("src") ?? element.getAttribute("data") ?? element.getAttribute("href");
  if (outside(address)) wrong("resource", element, `asks for ${address}`);
}
for (const sheet of all("style")) {
  for (const [, address] of sheet.textContent.matchAll(/url\(\s*["']?([^"')]*)/g)) {
    if (outside(address)) wrong("resource", null, `a style asks for ${address}`);
  }
  if (/@import/.test(sheet.textContent)) wrong("resource", null, "a style imports another");
}

// ---- Fingers -----------------------------------------------------------------------------------------
for (const element of all("button, select, input, summary")) {
  const { width, height } = box(element);
  if (isSeen(element) && (width < 24 || height < 24)) wrong("target", element, `${width.toFixed(0)} x ${height.toFixed(0)} px are too small for a finger`);
}
return found;
