// Shows a part of a timeline closer: by its buttons, keys, dragging, or the wheel with Ctrl.
for (const box of document.querySelectorAll(".timeline")) {
  const end = +box.dataset.until, unit = +box.dataset.unit;
  const chart = box.querySelector(".chart"), svg = chart.querySelector("svg");
  const plot = svg.querySelector(".plot"), axis = svg.querySelector(".axis");
  const [left, top, width, height] = ["x", "y", "width", "height"].map(own => +plot.getAttribute(own));
  const buttons = [...box.querySelectorAll(".zoom button")];
  const marks = [...plot.querySelectorAll(".mark")].map(path => {
    const numbers = path.getAttribute("d").match(/-?\d+/g).map(Number), bars = [];
    for (let i = 0, at = 0; i < numbers.length; i += 3) {
      const from = at + numbers[i];
      at = from + numbers[i + 2];
      bars.push([from, at]);
    }
    return [path, bars];
  });
  let [a, b] = [0, end];
  const x = time => (time - a) * width / (b - a);

  function ticks() {
    const power = 10 ** Math.floor(Math.log10((b - a) * unit / 6));
    const step = [1, 2, 5, 10].map(own => own * power).find(own => own * 7 >= (b - a) * unit);
    const [size, name] = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]].find(own => b * unit >= own[0]) || [1, "ns"];
    const digits = Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9));
    let lines = "", words = "";
    for (let n = Math.ceil(a * unit / step); n * step <= b * unit; n++) {
      const at = left + x(n * step / unit);
      lines += `M${at.toFixed(1)} ${top}v${height}`;
      const word = n ? (n * step / size).toFixed(digits) + " " + name : "0";
      const middle = Math.min(at, svg.viewBox.baseVal.width - word.length * 3.9);
      words += `<text class="tick" text-anchor="middle" x="${middle.toFixed(1)}" y="${top + height + 16}">${word}</text>`;
    }
    axis.innerHTML = `<path class="grid" d="${lines}"/>${words}`;
  }

  function show(from, until) {
    const long = Math.min(Math.max(until - from, 10), end);
    a = Math.min(Math.max(from, 0), end - long);
    b = a + long;
    const px = width / (b - a);
    for (const [path, bars] of marks) {
      path.setAttribute("d", bars.filter(bar => bar[1] >= a && bar[0] <= b).map(bar => {
        const begin = Math.max(x(bar[0]), -9), over = Math.min(x(bar[1]), width + 9);
        return `M${begin.toFixed(1)} 0h${Math.max(over - begin, 1.5).toFixed(1)}`;
      }).join(""));
    }
    plot.querySelector(".densities").setAttribute("transform", `translate(${-a * px}) scale(${end * px / 100} 1)`);
    let free = 0;
    for (const text of svg.querySelectorAll(".moving")) {
      const [from, until] = [+text.dataset.a, +text.dataset.b], long = text.textContent.length * 6.5;
      const isName = text.matches(".fault-name");
      const at = isName ? Math.min(Math.max(x(from), 0), width - long) : x(from);
      const fits = until >= a && from <= b && (!isName || at >= free);
      if (fits) text.setAttribute("x", (left + at).toFixed(1));
      if (fits && isName) free = at + long + 6;
      text.setAttribute("visibility", fits ? "visible" : "hidden");
    }
    ticks();
    for (const own of buttons) own.setAttribute("aria-pressed", +own.dataset.a === from && +own.dataset.b === until);
  }

  const zoom = (by, at) => show(at - (at - a) * by, at + (b - at) * by);
  const keys = {
    "+": () => zoom(0.5, (a + b) / 2), "-": () => zoom(2, (a + b) / 2), "0": () => show(0, end),
    ArrowLeft: () => show(a - (b - a) / 5, b - (b - a) / 5), ArrowRight: () => show(a + (b - a) / 5, b + (b - a) / 5),
  };
  const time = event => {
    const whole = svg.getBoundingClientRect(), scale = whole.width / svg.viewBox.baseVal.width;
    return a + Math.min(Math.max((event.clientX - whole.left) / scale - left, 0), width) * (b - a) / width;
  };
  chart.addEventListener("keydown", event => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    keys[event.key]();
    event.preventDefault();
  });
  chart.addEventListener("wheel", event => {
    if (!event.ctrlKey) return;
    zoom(event.deltaY > 0 ? 1.25 : 0.8, time(event));
    event.preventDefault();
  }, { passive: false });
  let begun = null;
  const selected = document.createElementNS(svg.namespaceURI, "rect");
  chart.addEventListener("pointerdown", event => {
    if (event.pointerType === "mouse" && event.button === 0) begun = time(event);
  });
  addEventListener("pointermove", event => {
    if (begun === null) return;
    const [from, until] = [x(begun), x(time(event))].sort((one, other) => one - other);
    for (const [key, value] of Object.entries({ class: "selected", x: from, width: until - from, height })) selected.setAttribute(key, value);
    plot.append(selected);
    event.preventDefault();
  });
  addEventListener("pointerup", event => {
    if (begun === null) return;
    const [from, until] = [begun, time(event)].sort((one, other) => one - other);
    begun = null;
    selected.remove();
    if (x(until) - x(from) > 5) show(from, until);
  });
  chart.addEventListener("dblclick", () => show(0, end));
  for (const own of buttons) own.addEventListener("click", () => show(+own.dataset.a, +own.dataset.b));
  box.querySelector(".zoom").hidden = false;
  plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
  plot.classList.add("live");
  show(0, end);
}
