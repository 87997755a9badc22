// Images in one or several lists: by mouse, by finger or by keyboard, as in a file manager. A click
// opens an image. Where they can be picked, the round mark in a corner picks, and once one is
// picked, clicks pick others.
const REST = 150; // milliseconds of quiet before the page hears of what is picked
const ROWS = 2; // of a compact grid, which is filled column by column

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".grid");
  const grid = (parentElement.decorGrid ??= { token: null, picked: new Set(), last: 0, timer: 0 });
  grid.tell = (picked) => setStateValue("picked", picked);
  grid.open = (id) => setTriggerValue("opened", id);
  if (grid.token !== data.token) draw();
  grid.current = data.current;
  show();

  function draw() {
    clearTimeout(grid.timer);
    Object.assign(grid, { token: data.token, picked: new Set(data.picked), last: 0 });
    root.classList.toggle("compact", data.compact);
    root.replaceChildren(...groups(data).flatMap(([name, items]) => list(data, name, items)));
    grid.tiles = [...root.querySelectorAll("[role=option]")];
    root.onclick = click;
    root.onkeydown = press;
    root.onmousedown = (event) => event.shiftKey && event.preventDefault(); // marks no text
  }
  function show() {
    const selected = (id) => (data.pickable ? grid.picked.has(id) : grid.current === id);
    grid.tiles.forEach((one) => one.setAttribute("aria-selected", selected(one.dataset.id)));
  }
  function changed() {
    show();
    clearTimeout(grid.timer);
    grid.timer = setTimeout(() => grid.tell([...grid.picked]), REST);
  }
  function toggle(place) {
    const id = grid.tiles[place].dataset.id;
    grid.picked.delete(id) || grid.picked.add(id);
    grid.last = place;
    changed();
  }
  function extend(place) {
    const [from, to] = [grid.last, place].sort((one, other) => one - other);
    grid.tiles.slice(from, to + 1).forEach((one) => grid.picked.add(one.dataset.id));
    changed();
  }
  function focus(place) {
    const one = grid.tiles[place];
    [...one.parentElement.children].forEach((other) => (other.tabIndex = -1));
    one.tabIndex = 0;
    one.focus();
  }
  function open(place) {
    grid.current = grid.tiles[place].dataset.id;
    show();
    grid.open(grid.current);
  }
  function click(event) {
    const place = grid.tiles.indexOf(event.target.closest("[role=option]"));
    if (place < 0) return;
    focus(place);
    if (!data.pickable) open(place);
    else if (event.shiftKey) extend(place);
    else if (event.target.closest(".mark") || event.ctrlKey || event.metaKey || grid.picked.size)
      toggle(place);
    else open(place);
  }
  function press(event) {
    const place = grid.tiles.indexOf(event.target);
    if (place < 0) return;
    const key = event.key;
    const [across, down] = data.compact ? [ROWS, 1] : [1, columns(grid.tiles[place])];
    const step = { ArrowLeft: -across, ArrowRight: across, ArrowUp: -down, ArrowDown: down }[key];
    if (step) {
      const next = Math.min(Math.max(place + step, 0), grid.tiles.length - 1);
      focus(next);
      if (event.shiftKey && data.pickable) extend(next);
    } else if (key === "Home" || key === "End") focus(key === "Home" ? 0 : grid.tiles.length - 1);
    else if (key === "Enter" || (key === " " && !data.pickable)) open(place);
    else if (!data.pickable) return;
    else if (key === " ") toggle(place);
    else if (key === "Escape") { grid.picked.clear(); changed(); }
    else if (key === "a" && (event.ctrlKey || event.metaKey)) {
      grid.tiles.forEach((one) => grid.picked.add(one.dataset.id));
      changed();
    } else return;
    event.preventDefault();
  }
}

function columns(tile) {
  const all = [...tile.parentElement.children];
  const second = all.findIndex((one) => one.offsetTop > all[0].offsetTop);
  return second < 0 ? all.length : second;
}

function groups({ items }) {
  const found = new Map();
  items.forEach((item) => found.set(item.group, [...(found.get(item.group) ?? []), item]));
  return [...found];
}

function list({ label, pickable }, name, items) {
  const tiles = make("ul", {}, { role: "listbox", "aria-label": name || label });
  if (pickable) tiles.setAttribute("aria-multiselectable", "true");
  tiles.append(...items.map((item) => tile(item, pickable)));
  tiles.firstChild.tabIndex = 0;
  if (!name) return [tiles];
  const heading = make("h2", { textContent: `${name} ` });
  heading.append(make("span", { textContent: `(${items.length})` }));
  return [heading, tiles];
}

function tile({ id, title, caption, note, src }, pickable) {
  const words = [title, caption, note].filter(Boolean);
  const one = make("li", { tabIndex: -1, title: words.join(" · ") }, { role: "option" });
  one.dataset.id = id;
  const image = make("img", { alt: "", draggable: false });
  if (src) image.src = src;
  one.append(image, make("b", { textContent: title }), " ");
  if (pickable) one.append(make("span", { className: "mark" }));
  if (caption) one.append(make("small", { textContent: caption }));
  // The note is for screen readers; the eye sees an exclamation mark.
  if (note) one.append(" ", make("i", { textContent: note }));
  return one;
}

function make(tag, properties, attributes = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  return made;
}
