// Draws the figure; in a window that is too narrow for it, with fewer panels in a row, narrower plots, legends below,
// and shorter lines of the title. What is still too wide is drawn smaller, by the page's style.
const specification = JSON.parse(document.getElementById("specification").textContent);
// "View Source" and "View Compiled Vega" write names into a page unescaped; "Open in Vega Editor" sends all to a site.
const actions = {export: true, source: false, compiled: false, editor: false};
const options = {mode: "vega-lite", renderer: "svg", ast: true, actions};
const MARGIN = 54; // pixels of the page's margin, and of the menu

async function draw(shown) {
  const {view} = await vegaEmbed("#figure", shown, options);
  return Number(view.container().querySelector("svg.marks").getAttribute("width"));
}

async function show() {
  const room = document.documentElement.clientWidth - MARGIN;
  if (room === show.room) return;
  Object.assign(show, {room, done: false});
  let drawn = await draw(specification);
  for (let trial = 0, plots = room; drawn > room && trial < 3; trial += 1) {
    drawn = await draw(narrowed(specification, room, plots));
    plots -= drawn - room; // names and titles of axes may need more than was kept for them
  }
  show.done = true;
}

window.addEventListener("resize", show);
show();
