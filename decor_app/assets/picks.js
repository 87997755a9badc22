// A grid of pictures to pick from: by mouse, by finger or by keyboard, as in a file manager. The
// round mark in a corner picks; a click on the picture opens it, or picks once others are picked.
const REST = 150; // milliseconds of quiet before the page hears of what is picked

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const list = parentElement.querySelector("[role=listbox]");
  const picks = (parentElement.decorPicks ??= { token: null, picked: new Set(), last: 0, timer: 0 });
  picks.tell = (picked) => setStateValue("picked", picked);
  picks.open = (file) => setTriggerValue("opened", file);
  if (picks.token === data.token) return;
  clearTimeout(picks.timer);
  Object.assign(picks, { token: data.token, picked: new Set(data.picked), last: 0 });
  list.setAttribute("aria-label", data.label);
  list.replaceChildren(...data.items.map(tile));
  const tiles = [...list.children];
  show();
  if (tiles.length) tiles[0].tabIndex = 0;

  function show() {
    tiles.forEach((one) => one.setAttribute("aria-selected", picks.picked.has(one.dataset.file)));
    list.classList.toggle("picking", picks.picked.size > 0);
  }
  function changed() {
    show();
    clearTimeout(picks.timer);
    picks.timer = setTimeout(() => picks.tell([...picks.picked]), REST);
  }
  function set(place, wanted) {
    const file = tiles[place].dataset.file;
    wanted ? picks.picked.add(file) : picks.picked.delete(file);
  }
  function toggle(place) {
    set(place, !picks.picked.has(tiles[place].dataset.file));
    picks.last = place;
    changed();
  }
  function extend(place) {
    const [from, to] = [picks.last, place].sort((one, other) => one - other);
    for (let i = from; i <= to; i++) set(i, true);
    changed();
  }
  function focus(place) {
    tiles.forEach((one) => (one.tabIndex = -1));
    tiles[place].tabIndex = 0;
    tiles[place].focus();
  }
  function columns() {
    const top = tiles[0].offsetTop;
    const second = tiles.findIndex((one) => one.offsetTop > top);
    return second < 0 ? tiles.length : second;
  }

  list.onclick = (event) => {
    const one = event.target.closest("[role=option]");
    if (!one) return;
    const place = tiles.indexOf(one);
    focus(place);
    if (event.shiftKey) extend(place);
    else if (event.target.closest(".mark") || event.ctrlKey || event.metaKey || picks.picked.size)
      toggle(place);
    else picks.open(one.dataset.file);
  };
  list.onmousedown = (event) => event.shiftKey && event.preventDefault(); // marks no text
  list.onkeydown = (event) => {
    const place = tiles.indexOf(event.target);
    if (place < 0) return;
    const key = event.key;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[key];
    if (step) {
      const next = Math.min(Math.max(place + step, 0), tiles.length - 1);
      focus(next);
      if (event.shiftKey) extend(next);
    } else if (key === "Home" || key === "End") focus(key === "Home" ? 0 : tiles.length - 1);
    else if (key === " ") toggle(place);
    else if (key === "Enter") picks.open(tiles[place].dataset.file);
    else if (key === "Escape") { picks.picked.clear(); changed(); }
    else if (key === "a" && (event.ctrlKey || event.metaKey)) {
      tiles.forEach((_, i) => set(i, true));
      changed();
    } else return;
    event.preventDefault();
  };
}

function tile({ file, name, label, note, src }) {
  const one = document.createElement("li");
  one.role = "option";
  one.tabIndex = -1;
  one.dataset.file = file;
  one.title = note ? `${name}: ${note}` : name;
  const picture = document.createElement("img");
  picture.alt = "";
  picture.draggable = false;
  if (src) picture.src = src;
  const mark = document.createElement("span");
  mark.className = "mark";
  const words = document.createElement("b");
  words.textContent = label;
  const small = document.createElement("small");
  small.textContent = name;
  one.append(picture, mark, words, " ", small);
  if (note) {
    const warning = document.createElement("i");
    warning.textContent = note; // for screen readers; the eye sees an exclamation mark
    one.append(" ", warning);
  }
  return one;
}
