// Draws the charts of the report, marks in all of them what is chosen in one, and gives rows and texts as files.
const root = document.documentElement;
const textOf = id => JSON.parse(document.getElementById(id).textContent);
const every = (selector, run) => document.querySelectorAll(selector).forEach(run);
const known = textOf("names"); // categories and layers, by their kind
const signals = {category: "chosen_category", layer: "chosen_layer"};
const chosen = {category: null, layer: null};
const views = new Map();

// "View Source" and "View Compiled Vega" write names into a page unescaped; "Open in Vega Editor" sends all to a site.
const actions = {export: true, source: false, compiled: false, editor: false};

function withClickableNames(part) { // of axes, legends and panels, which Vega lets no click through to
  for (const guide of [...(part.legends || []), ...(part.axes || [])]) {
    const encode = guide.encode = guide.encode || {};
    for (const name of ["labels", "symbols"]) encode[name] = {...encode[name], interactive: true};
  }
  if (part.title && typeof part.title === "object") part.title.interactive = true;
  (part.marks || []).forEach(withClickableNames);
  return part;
}

// Colours of the paper, of text and of lines on a dark page. Rows and scales' domains hold names, and are left alone.
const onDark = textOf("colours");
const NAMES = ["datasets", "data", "domain", "sort", "params", "description"];

function coloured(part) {
  if (!isDark() || part === null) return part;
  if (typeof part === "string") return onDark[part] || part;
  if (Array.isArray(part)) return part.map(coloured);
  if (typeof part !== "object") return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, NAMES.includes(key) ? value : coloured(value)]));
}

function nameIn(item) {
  const row = item.datum || {};
  const kinds = Object.keys(chosen);
  for (const kind of kinds) if (known[kind].includes(row[kind])) return [kind, row[kind]];
  for (const kind of kinds) {
    for (const value of [row.preferred, row.value, row.label, item.text]) {
      if (known[kind].includes(value)) return [kind, value];
    }
  }
  return null;
}

function choose(kind, value) {
  chosen[kind] = chosen[kind] === value ? null : value;
  show();
}

function show() {
  for (const view of views.values()) mark(view);
  every("[data-kind]", each => {
    if (each.tagName === "SELECT") each.value = chosen[each.dataset.kind] || "";
    else each.setAttribute("aria-pressed", String(chosen[each.dataset.kind] === each.dataset.value));
  });
  every("[data-category]", part => {
    const is_other = chosen.category !== null && part.dataset.category !== chosen.category;
    part.classList.toggle("faint", is_other && known.category.includes(part.dataset.category));
  });
  const names = Object.values(chosen).filter(value => value !== null);
  document.getElementById("clear").disabled = !names.length;
  document.getElementById("status").textContent = names.length ? `Marked in all figures: ${names.join(", ")}` : "Nothing is marked";
}

function mark(view) {
  for (const [kind, signal] of Object.entries(signals)) view.signal(signal, chosen[kind]);
  view.run();
}

async function embedded(place, specification) {
  const {view} = await vegaEmbed(place, specification, {
    mode: "vega-lite", renderer: "svg", ast: true, actions, patch: withClickableNames,
    logLevel: 1, // errors alone: Vega warns of every column without values
  });
  return {view, width: Number(place.querySelector("svg.marks").getAttribute("width"))};
}

async function fitted(place, specification, room) { // the view of a chart that is drawn no wider than its room
  let drawn = await embedded(place, specification);
  for (let trial = 0, plots = room; drawn.width > room && trial < 3; trial += 1) {
    drawn.view.finalize();
    drawn = await embedded(place, narrowed(specification, room, plots));
    plots -= drawn.width - room; // names and titles of axes may need more than was kept for them
  }
  return drawn.view;
}

async function fit(place) {
  const room = place.clientWidth;
  if (!room || Number(place.dataset.room) === room) return;
  place.dataset.room = room;
  views.get(place)?.finalize();
  const view = await fitted(place, coloured(textOf(`chart-${place.dataset.chart}`)), room);
  view.addEventListener("click", (event, item) => {
    const name = item && nameIn(item);
    if (name) choose(...name);
  });
  views.set(place, view);
  mark(view);
}

let fitting = Promise.resolve();

function fitAll() { // one round after the other, or two would draw into one place
  delete root.dataset.drawn;
  fitting = fitting.then(async () => {
    for (const place of document.querySelectorAll("[data-chart]")) await fit(place);
    root.dataset.drawn = views.size;
  });
  return fitting;
}

function save(name, text) {
  const kind = name.endsWith(".csv") ? "text/csv" : "text/plain";
  const address = URL.createObjectURL(new Blob([text], {type: `${kind};charset=utf-8`}));
  const link = Object.assign(document.createElement("a"), {href: address, download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // a page from a file may not be allowed to
    const area = Object.assign(document.createElement("textarea"), {value: text});
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1500);
}

function isDark() {
  return root.dataset.theme === "dark";
}

function setTheme(name) {
  root.dataset.theme = name;
  every("[data-chart]", place => delete place.dataset.room); // drawn again, in its colours
  document.getElementById("theme").textContent = isDark() ? "Light" : "Dark";
}

function setFolded(is_folded) {
  every(".part", part => { part.open = !is_folded; });
  document.getElementById("fold").textContent = is_folded ? "Unfold all" : "Fold all";
}

every("button[data-kind]", button => button.addEventListener("click", () => choose(button.dataset.kind, button.dataset.value)));
every("select[data-kind]", list => list.addEventListener("change", () => {
  chosen[list.dataset.kind] = list.value || null;
  show();
}));
document.getElementById("clear").addEventListener("click", () => {
  Object.assign(chosen, {category: null, layer: null});
  show();
});
every("[data-saves]", button => button.addEventListener("click", () => save(button.dataset.file, textOf(button.dataset.saves))));
every("[data-copies]", button => button.addEventListener("click", () => {
  copy(button, document.getElementById(button.dataset.copies).innerText);
}));
every(".copy", button => button.addEventListener("click", () => {
  copy(button, button.parentElement.querySelector("code").textContent);
}));
document.getElementById("fold").addEventListener("click", event => setFolded(event.target.textContent === "Fold all"));
document.getElementById("theme").addEventListener("click", () => {
  setTheme(isDark() ? "light" : "dark");
  fitAll();
});

// A link into a folded section unfolds it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const part = target && (target.closest(".part") || target.querySelector(".part"));
  if (part) part.open = true;
  if (target) target.scrollIntoView();
}
window.addEventListener("hashchange", unfold);
every(".part", part => part.addEventListener("toggle", fitAll));

// On paper, all sections are unfolded, and charts are as wide as a page; both as before afterwards. The browser waits
// for all that needs nothing but this program.
let folded = [];
window.addEventListener("beforeprint", async () => {
  folded = [...document.querySelectorAll(".part:not([open])")];
  folded.forEach(part => { part.open = true; });
  removePaper();
  for (const place of document.querySelectorAll("[data-chart]")) await drawOnPaper(place);
});
window.addEventListener("afterprint", () => {
  folded.forEach(part => { part.open = false; });
  removePaper();
});

const system = window.matchMedia("(prefers-color-scheme: dark)");
system.addEventListener("change", () => {
  setTheme(system.matches ? "dark" : "light");
  fitAll();
});
setTheme(system.matches ? "dark" : "light");
if (window.matchMedia("(max-width: 60em)").matches) document.querySelector(".contents details").open = false;

let waiting = 0;
window.addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(fitAll, 200);
});
fitAll();
