// Draws every chart again for paper: at most as wide as a page, in strips between which a page may end.
const SHEET = textOf("sheet"); // units of a chart that fills its width
const GAP = 3; // units without any mark, at least, where a chart may be cut

const PLOTS = "path.background", MARKS = "text, path:not(.background), line, rect:not(.background), image";

function spans(drawing, selector) { // from top to bottom
  const start = drawing.getBoundingClientRect().top;
  return [...drawing.querySelectorAll(selector)].map(each => each.getBoundingClientRect())
    .map(box => [box.top - start, box.bottom - start]);
}

function merged(all) { // those that overlap, as one
  return all.filter(([top, bottom]) => bottom > top).sort((one, other) => one[0] - other[0]).reduce((kept, [top, bottom]) => {
    const last = kept[kept.length - 1];
    if (last && top <= last[1]) last[1] = Math.max(last[1], bottom);
    else kept.push([top, bottom]);
    return kept;
  }, []);
}

function cuts(rows, marks) { // in the widest gap between two rows of plots: what is below it is the title of the next row
  const filled = merged([...rows.map(row => [...row]), ...marks.map(mark => [...mark])]);
  const gaps = filled.slice(1).map((next, place) => [filled[place][1], next[0]]);
  return rows.slice(1).flatMap((row, place) => {
    const between = gaps.filter(([top, bottom]) => top >= rows[place][1] - 1 && bottom <= row[0] + 1);
    const [top, bottom] = between.reduce((widest, gap) => gap[1] - gap[0] > widest[1] - widest[0] ? gap : widest, [0, 0]);
    return bottom - top < GAP ? [] : [(top + bottom) / 2];
  });
}

function strip(drawing, marks, top, bottom) {
  const made = drawing.cloneNode(true);
  const [width, height] = [drawing.getAttribute("width"), bottom - top];
  const viewBox = `0 ${top} ${width} ${height}`;
  for (const [name, value] of Object.entries({class: "strip", width, height, viewBox})) made.setAttribute(name, value);
  [...made.querySelectorAll(MARKS)].filter((_, place) => marks[place][1] < top || marks[place][0] > bottom)
    .forEach(mark => mark.remove());
  return made;
}

function strips(drawing) {
  const marks = spans(drawing, MARKS);
  const edges = [0, ...cuts(merged(spans(drawing, PLOTS)), marks), Number(drawing.getAttribute("height"))];
  return edges.slice(1).map((bottom, place) => strip(drawing, marks, edges[place], bottom));
}

async function drawOnPaper(place) {
  const [paper, drawn] = ["paper", "drawn"].map(name => Object.assign(document.createElement("div"), {className: name}));
  place.after(paper);
  paper.append(drawn);
  const view = await fitted(drawn, textOf(`chart-${place.dataset.chart}`), SHEET);
  mark(view);
  paper.replaceChildren(...strips(drawn.querySelector("svg.marks")));
  view.finalize();
}

function removePaper() {
  every(".paper", paper => paper.remove());
}
