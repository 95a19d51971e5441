// Arranges a specification in the room that it has: fewer panels in a row, narrower plots, legends below, and shorter
// lines of the title.
const AROUND = 60, LEAST = 60; // pixels of what is beside a plot, at least, and of the narrowest plot
const COLOURED = ["color", "shape", "strokeDash", "size", "fill"]; // channels that have a legend

function children(part) {
  return [...(part.concat || []), ...(part.hconcat || []), ...(part.vconcat || []), ...(part.spec ? [part.spec] : [])];
}

function widthOf(part) {
  return typeof part.width === "number" ? part.width : Math.max(0, ...children(part).map(widthOf));
}

function arrange(part, room) {
  if (part.columns) {
    part.columns = Math.max(1, Math.min(part.columns, Math.floor(room / (widthOf(part) + AROUND))));
    if (part.facet) part.resolve = {...part.resolve, axis: {...(part.resolve || {}).axis, x: "independent"}};
  }
  if (typeof part.width === "number") part.width = Math.max(LEAST, Math.min(part.width, room - AROUND));
  children(part).forEach(child => arrange(child, room));
}

function placeLegends(part, room, places = {}) {
  const channels = COLOURED.map(name => (part.encoding || {})[name]);
  for (const channel of channels.filter(each => each && each.field && each.legend !== null)) {
    const title = String(channel.title);
    places[title] = places[title] || (Object.keys(places).length ? "top" : "bottom");
    const longest = Math.max(...((channel.scale || {}).domain || []).map(name => String(name).length), 10);
    const columns = places[title] === "bottom" ? Math.max(1, Math.floor(room / (6 * longest + 30))) : 1;
    channel.legend = {...channel.legend, orient: places[title], columns};
  }
  [...(part.layer || []), ...children(part)].forEach(child => placeLegends(child, room, places));
}

function wrap(lines, letters) {
  return lines.join(" ").split(" ").reduce((wrapped, word) => {
    const last = wrapped[wrapped.length - 1];
    return last && last.length + word.length < letters
      ? [...wrapped.slice(0, -1), last + " " + word] : [...wrapped, word];
  }, []);
}

function narrowed(specification, room, plots) {
  const narrow = structuredClone(specification);
  arrange(narrow, plots);
  placeLegends(narrow, room);
  if (narrow.title) {
    narrow.title.text = wrap(narrow.title.text, room / 9);
    narrow.title.subtitle = wrap(narrow.title.subtitle || [], room / 6.4);
  }
  return narrow;
}
