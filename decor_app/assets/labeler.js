// Pictures get labels by keys, by mouse or by finger; nothing of it runs the page anew. The parts, in one
// module: labeler_store.js, labeler_lists.js, labeler_progress.js.
const ARROWS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: "up", ArrowDown: "down", Home: "first", End: "last" };

export default function ({ parentElement, data, setTriggerValue }) {
  const live = parentElement.decorLabeler ?? (parentElement.decorLabeler = new Labeler(parentElement, data));
  live.finished = () => setTriggerValue("finished", Date.now());
  live.store.lost = () => setTriggerValue("lost", Date.now());
  live.take(data);
  return live.leave;
}

class Labeler {
  tab = "next"; single = false; step = -1; at = ""; anchor = ""; chosen = new Set(); explicit = false;
  groups = []; tiles = []; shown = new Set(); drawn = ""; listed = null;

  constructor(parent, data) {
    this.parent = parent;
    this.root = parent.querySelector(".labeler");
    this.store = new LabelStore(data, () => this.update(), (words, isError) => this.say(words, isError));
    const find = (name) => this.root.querySelector(name);
    this.find = find;
    find(".accept").onclick = () => this.accept();
    find(".undo").onclick = () => this.undo("undo");
    find(".redo").onclick = () => this.undo("redo");
    find(".edit").onclick = () => openClasses(find(".renaming"), this.store);
    find(".keys").onclick = () => openHelp(find(".help"));
    find(".view").onclick = () => this.turn();
    find(".naming").onsubmit = (event) => { event.preventDefault(); this.named(); };
    find(".cancel").onclick = () => this.endNaming();
    find(".lists").onclick = (event) => this.click(event);
    find(".lists").ondblclick = () => this.single || this.turn();
    find(".lists").onmousedown = (event) => event.shiftKey && event.preventDefault(); // marks no text
    find(".lists").addEventListener("focusin", ({ target }) => this.atKeyboard(target));
    this.swipes(find(".large"));
    this.measured = new ResizeObserver(([{ target }]) => this.root.style.setProperty("--bar", `${target.offsetHeight}px`));
    this.measured.observe(find(".bar"));
    this.press = (event) => this.key(event);
    this.seen = () => document.hidden || this.store.refresh();
    this.asks = (event) => this.store.queue.length && event.preventDefault();
    document.addEventListener("keydown", this.press);
    document.addEventListener("visibilitychange", this.seen);
    window.addEventListener("online", this.seen);
    window.addEventListener("beforeunload", this.asks);
    this.drawTabs();
    this.update();
  }
  leave = () => {
    document.removeEventListener("keydown", this.press);
    document.removeEventListener("visibilitychange", this.seen);
    window.removeEventListener("online", this.seen);
    window.removeEventListener("beforeunload", this.asks);
    this.measured.disconnect();
    this.store.leave();
    this.parent.decorLabeler = undefined;
  };

  take(data) { // of a later run of the page: pictures that were added, the address on a new server
    if (this.store.take(data)) this.groups = [];
  }

  // What is on screen

  get flat() { return this.groups.flatMap(({ ids }) => ids); }
  get isOutdated() { // proposals of a model that has learned since, while nobody is at the list
    return this.tab === "proposed" && this.listed !== this.store.state.proposals && !this.tiles.includes(this.parent.activeElement);
  }
  get acceptable() { // of the listed ones
    const threshold = this.store.state.threshold?.values[this.stepNow] ?? 0, above = new Set(proposedAbove(this.store, threshold));
    return this.flat.filter((id) => above.has(id));
  }
  update() {
    this.readColors();
    if (!this.store.loaded) return drawProgress(this.find(".progress"), this.store, () => {});
    this.follow();
    if (!this.flat.length || (this.tab === "next" && this.flat.every((id) => this.store.label(id))) || this.isOutdated) this.build();
    this.root.dataset.tab = this.tab;
    this.drawClasses();
    this.drawTabs();
    this.drawAbout();
    const against = new Map(this.tab === "check" ? this.store.state.disagreements.map(([id, ...said]) => [id, said]) : []);
    for (const one of this.tiles) fill(one, this.store, { chosen: this.chosen, at: this.at, against });
    this.drawChosen();
    this.drawLarge();
    drawProgress(this.find(".progress"), this.store, () => this.finish());
  }
  readColors() { // of the theme, which may change from light to dark
    const colors = getComputedStyle(this.root).getPropertyValue("--st-chart-categorical-colors").split(",").filter(Boolean);
    colors.forEach((color, i) => this.root.style.setProperty(`--class-${i}`, color.trim()));
    this.store.colors = colors.length || 1;
  }
  build() { // other pictures: never under somebody's hands
    const hadFocus = this.tiles.includes(this.parent.activeElement) || !document.activeElement || document.activeElement === document.body;
    this.listed = this.store.state.proposals;
    this.groups = GROUPS[this.tab](this.store, this.store.state.threshold?.values[this.stepNow] ?? 0);
    this.tiles = drawLists(this.find(".lists"), this.groups, {
      name: TABS[this.tab][0], multi: this.tab !== "next" && this.tab !== "check", shown: this.shown,
      onAll: (group) => this.takeAll(group),
      onMore: (name) => { this.shown.add(name); this.build(); this.update(); },
    });
    this.groups = this.groups.filter(({ ids }) => ids.length);
    const on = this.tiles.map((one) => one.dataset.id);
    this.go(on.includes(this.at) && !this.store.label(this.at) ? this.at : on.find((id) => !this.store.label(id)) ?? on[0] ?? "", { focus: hadFocus });
  }
  get stepNow() { // of the threshold: nine in ten, until somebody chooses
    const values = this.store.state.threshold?.values ?? [];
    if (this.step >= 0 && this.step < values.length) return this.step;
    const at = values.findIndex((one) => one >= 0.9);
    return at < 0 ? values.length - 1 : at;
  }
  drawTabs() {
    const root = this.find(".tabs");
    if (!root.children.length) root.append(...Object.entries(TABS).map(([tab, [name]]) => {
      const one = make("button", { type: "button", id: `tab-${tab}`, onclick: () => this.open(tab) },
        { role: "tab", "aria-controls": "panel" });
      one.append(name, " ", make("small"));
      return one;
    }));
    for (const one of root.children) {
      const tab = one.id.slice(4), isOpen = tab === this.tab;
      one.setAttribute("aria-selected", isOpen);
      one.tabIndex = isOpen ? 0 : -1;
      one.lastChild.textContent = this.store.labels.size || tab === "next" || tab === "alike" ? TABS[tab][1](this.store) || "" : "";
    }
    this.find(".panel").setAttribute("aria-labelledby", `tab-${this.tab}`);
  }
  open(tab) {
    this.tab = tab;
    this.say("");
    this.at = "";
    this.groups = [];
    this.update();
    this.find(`#tab-${tab}`).focus();
  }
  turn() { // between a picture at large and all of them
    this.single = !this.single;
    this.root.classList.toggle("single", this.single);
    this.update();
    this.go(this.at, { focus: true, keep: true });
  }
  drawClasses() {
    const root = this.find(".classes"), counts = new Map();
    for (const label of this.store.labels.values()) counts.set(label, (counts.get(label) ?? 0) + 1);
    const all = [...this.store.classes.map(({ name, key }) => [name, key]), [NONE, "0"], [SKIP, "s"]];
    const state = JSON.stringify([all, [...counts]]);
    if (this.drawn === state) return;
    this.drawn = state;
    const focused = this.parent.activeElement?.dataset?.label;
    root.replaceChildren(...all.map(([label, key]) => {
      const one = make("button", { type: "button", className: label.startsWith("\0") ? "other" : "class", onclick: () => this.give(label) },
        { "aria-keyshortcuts": key });
      one.dataset.label = label;
      one.style.setProperty("--class", colorOf(this.store, label));
      one.append(make("kbd", { textContent: key }, { "aria-hidden": "true" }), make("span", { textContent: label === SKIP ? "Skip" : nameOf(label) }));
      if (counts.get(label)) one.append(make("small", { textContent: counts.get(label) }));
      return one;
    }), make("button", { type: "button", className: "other new", textContent: "+ New class", onclick: () => this.beginNaming() }));
    const same = [...root.children].find((one) => one.dataset.label === focused);
    if (focused) same?.focus();
  }
  drawAbout() {
    const root = this.find(".about"), { threshold, order } = this.store.state;
    const state = JSON.stringify([this.tab, this.single, this.stepNow, threshold, order, this.store.state.message, this.store.state.proposals_revision, this.store.labels.size, this.store.classes.length, this.flat.length]);
    if (root.dataset.state === state) return;
    root.dataset.state = state;
    this.find(".view").replaceChildren(make("kbd", { textContent: "v" }, { "aria-hidden": "true" }), this.single ? "All together" : "One by one");
    const slider = root.querySelector("input[type=range]");
    if (this.tab === "proposed" && slider && threshold) { // it is in somebody's hand
      slider.setAttribute("aria-valuetext", percent(threshold.values[this.stepNow]));
      root.querySelector("p").textContent = thresholdWords(threshold, this.stepNow, this.acceptable.length);
      this.nameBulk(root.querySelector(".bulk"));
      return;
    }
    root.replaceChildren(...this.aboutParts(threshold, order?.random));
  }
  aboutParts(threshold, random) {
    const words = (textContent) => make("p", { textContent });
    const nothing = !this.flat.length, { proposals, message } = this.store.state;
    const waiting = proposals ? "" : message; // why nothing is learned yet
    switch (this.tab) {
      case "next": {
        if (nothing) return [words("Every picture has a label. “Check again” shows what the model would call otherwise.")];
        const first = this.store.classes.length ? "" : "What does the first picture show? Press 1, or “+ New class”, and type its name.";
        const box = make("input", { type: "checkbox", checked: !random, onchange: () => this.order(!box.checked) });
        const label = make("label");
        label.append(box, "Those first that teach the model most");
        return first ? [make("p", { className: "first", textContent: first })] : [label];
      }
      case "proposed": {
        if (!threshold?.values?.length || !proposals || !TABS.proposed[1](this.store))
          return [words(waiting || "Every picture has a label: nothing is left to propose.")];
        const slider = make("input", { type: "range", min: 0, max: threshold.values.length - 1, value: this.stepNow,
          oninput: () => { this.step = +slider.value; this.groups = []; this.update(); } });
        const label = make("label", { textContent: "At least this probable" });
        label.append(slider);
        const bulk = make("button", { type: "button", className: "bulk strong", onclick: () => this.acceptAll(this.acceptable) });
        this.nameBulk(bulk);
        return [label, words(thresholdWords(threshold, this.stepNow, this.acceptable.length)), bulk];
      }
      case "alike":
        return [words(nothing ? "No pictures without a label look alike."
          : "Pictures that look alike are chosen together: one key labels all of them. An arrow goes to one alone.")];
      case "check":
        return [words(nothing ? waiting || "Nothing to check: the model would call no picture otherwise."
          : "The model, asked without your label, calls these otherwise. Enter takes its word; your own key once more says that you are right.")];
      default:
        return nothing ? [words("No picture has a label yet.")] : [];
    }
  }
  nameBulk(button) {
    const count = this.acceptable.length;
    button.textContent = `Accept all ${count}`;
    button.disabled = !count;
  }
  drawChosen() {
    const count = this.chosen.size, proposed = [...this.chosen].filter((id) => this.offer(id));
    const [id] = this.chosen;
    this.find(".chosen").textContent = count > 1 ? `${count} pictures chosen` : count ? this.store.titles.get(id) : "";
    const accept = this.find(".accept");
    accept.hidden = !proposed.length;
    accept.replaceChildren(make("kbd", { textContent: "↵" }, { "aria-hidden": "true" }),
      proposed.length === 1 && count === 1 ? `Accept ${nameOf(this.offer(id))}` : `Accept ${plural(proposed.length, "proposal")}`);
    this.find(".undo").disabled = !(this.store.state.can_undo || this.store.queue.length);
    this.find(".redo").hidden = !this.store.state.can_redo;
    this.find(".edit").hidden = !this.store.classes.length;
  }
  drawLarge() {
    const figure = this.find(".large"), shows = this.single && this.at;
    figure.hidden = !shows;
    if (!shows) return;
    const image = figure.firstChild, proposal = this.store.proposal(this.at), label = this.store.label(this.at);
    if (image.dataset.id !== this.at) {
      image.dataset.id = this.at;
      image.src = this.store.picture(this.at);
      const flat = this.flat, place = flat.indexOf(this.at);
      for (const id of flat.slice(place + 1, place + 4)) new Image().src = this.store.picture(id);
    }
    image.alt = this.store.titles.get(this.at);
    figure.lastChild.textContent = [image.alt, label ? nameOf(label) : proposal && `the model proposes ${nameOf(proposal[0])}, ${probable(proposal[1])}`]
      .filter(Boolean).join(": ");
  }

  // Where one is

  go(id, { focus = false, keep = false, explicit = false } = {}) {
    if (!id) { this.at = ""; this.chosen = new Set(); return; }
    this.at = id;
    this.explicit = explicit;
    if (!keep) {
      this.anchor = id;
      const group = this.tab === "alike" && !explicit && this.groups.find(({ ids }) => ids.includes(id));
      this.chosen = new Set(group ? group.ids.filter((one) => !this.store.label(one)) : [id]);
    }
    const one = this.tiles.find(({ dataset }) => dataset.id === id);
    if (focus && one) {
      this.moving = true;
      one.tabIndex = 0;
      one.focus({ preventScroll: true });
      this.moving = false;
    }
    if (!this.single) {
      one?.scrollIntoView({ block: "nearest" });
      if (one && one.offsetTop === this.tiles[0].offsetTop) this.find(".head").scrollIntoView({ block: "nearest" });
      return;
    }
    this.find(".large").scrollIntoView({ block: "nearest" });
    if (one) one.parentElement.scrollLeft = one.offsetLeft - one.parentElement.offsetLeft - one.parentElement.clientWidth / 2 + one.clientWidth / 2;
  }
  atKeyboard(target) { // came by Tab
    const id = target.dataset?.id;
    if (!id || this.moving || id === this.at) return;
    this.go(id, { keep: this.chosen.has(id) });
  }
  move(way, extend) {
    const on = this.tiles, place = on.findIndex(({ dataset }) => dataset.id === this.at);
    if (place < 0) return;
    let next = typeof way === "number" ? place + way : way === "first" ? 0 : way === "last" ? on.length - 1 : this.beside(place, way === "down" ? 1 : -1);
    next = Math.min(Math.max(next, 0), on.length - 1);
    const id = on[next].dataset.id, vertical = way === "up" || way === "down";
    this.go(id, { focus: true, keep: extend, explicit: !(this.tab === "alike" && vertical) });
    if (extend) this.extend(id);
    this.update();
  }
  beside(place, rows) { // the picture above or below, in the next group as well; the next group of look-alikes
    const on = this.tiles, here = on[place];
    if (this.tab === "alike") {
      const lists = [...new Set(on.map((one) => one.parentElement))], at = lists.indexOf(here.parentElement) + rows;
      return lists[at] ? on.indexOf(lists[at].firstChild) : place;
    }
    if (this.single) return place + rows;
    const box = here.getBoundingClientRect(), middle = box.left + box.width / 2;
    const others = on.map((one, i) => [one.getBoundingClientRect(), i])
      .filter(([one]) => (rows > 0 ? one.top > box.top + 4 : one.top < box.top - 4));
    const distance = ([one]) => 10 * Math.abs(one.top - box.top) + Math.abs(one.left + one.width / 2 - middle);
    others.sort((one, other) => distance(one) - distance(other));
    return others[0]?.[1] ?? place;
  }
  extend(id) {
    const flat = this.tiles.map((one) => one.dataset.id), [from, to] = [flat.indexOf(this.anchor), flat.indexOf(id)].sort((a, b) => a - b);
    this.chosen = new Set(flat.slice(Math.max(from, 0), to + 1));
  }
  follow() { // an undone picture that is here is looked at again; after one that is done again, the next
    const label = (id) => this.store.label(id);
    const back = this.undone && this.flat.find((id) => (this.undone.get(id) ?? "") !== label(id));
    if (!back) return;
    this.undone = null;
    this.go((label(back) && this.flat.find((id) => !label(id))) || back, { focus: true });
  }
  click(event) {
    const one = event.target.closest("[role=option]");
    if (!one) return;
    const { id } = one.dataset, touch = event.pointerType === "touch";
    if (event.shiftKey) { this.go(id, { focus: true, keep: true }); this.extend(id); }
    else if (event.ctrlKey || event.metaKey || (touch && this.explicit && !this.single)) {
      this.chosen.delete(id) && this.chosen.size || this.chosen.add(id);
      this.go(this.chosen.has(id) ? id : [...this.chosen].at(-1), { focus: true, keep: true, explicit: true });
    } else this.go(id, { focus: true, explicit: true });
    this.update();
  }
  swipes(figure) {
    let from = null;
    figure.addEventListener("touchstart", ({ touches: [one] }) => { from = one.clientX; }, { passive: true });
    figure.addEventListener("touchend", ({ changedTouches: [one] }) => {
      const way = one.clientX - from;
      if (Math.abs(way) > 50) this.move(way < 0 ? 1 : -1);
    });
  }

  // What is done

  offer(id) { // what Enter would take
    if (this.tab === "check") return this.store.state.disagreements.find(([one]) => one === id)?.[1];
    return this.store.label(id) ? "" : this.store.proposal(id)?.[0];
  }
  give(label) {
    if (!this.chosen.size) return;
    this.label({ do: "label", ids: [...this.chosen], label }, nameOf(label));
  }
  accept() {
    const labels = Object.fromEntries([...this.chosen].map((id) => [id, this.offer(id)]).filter(([, name]) => name));
    if (Object.keys(labels).length) this.label({ do: "label", labels }, [...new Set(Object.values(labels))].map(nameOf).join(", "));
    else this.say("Nothing is proposed for this picture yet: press the key of its class.");
  }
  acceptAll(ids) {
    this.chosen = new Set(ids.filter((id) => this.offer(id)));
    this.accept();
  }
  takeAll({ ids }) {
    if (this.tab === "proposed") return this.acceptAll(ids);
    this.go(ids[0], { focus: true });
    this.chosen = new Set(ids.filter((id) => !this.store.label(id)));
    this.update();
  }
  label(step, name) {
    const ids = pairs(step).map(([id]) => id), flat = this.tiles.map((one) => one.dataset.id);
    this.store.do(step);
    this.say(`${name}: ${plural(ids.length, "picture")}`);
    const last = Math.max(...ids.map((id) => flat.indexOf(id)));
    const waits = (id) => this.tab === "check" ? this.offer(id) && !ids.includes(id) : !this.store.label(id);
    const order = [...flat.slice(last + 1), ...flat.slice(0, last + 1)];
    const next = this.tab === "labeled" ? flat[last + 1] : order.find(waits);
    if (next) this.go(next, { focus: true });
    else if (this.tab !== "labeled") this.build();
    this.update();
  }
  undo(step) {
    this.undone = new Map(this.store.labels);
    this.say(step === "undo" ? "Taken back." : "Done again.");
    this.store.do({ do: step });
  }
  order(random) {
    this.store.do({ do: "order", random });
    this.store.state.order = { random };
    setTimeout(() => { this.build(); this.update(); }, 500); // when the server has answered
  }
  beginNaming(key = this.store.freeKey()) {
    const form = this.find(".naming");
    form.hidden = false;
    form.querySelector("kbd").textContent = key;
    form.querySelector("input").value = "";
    form.querySelector("input").focus();
  }
  named() {
    const name = this.find(".naming input").value.trim();
    if (!name) return this.say("Type a name for the class, such as “Gzhel”.", true);
    this.endNaming();
    const step = { do: "label", ids: [...this.chosen], label: name };
    if (!this.store.classes.some((one) => one.name === name)) this.store.do({ do: "add_class", name });
    if (step.ids.length) this.label(step, name);
  }
  endNaming() {
    this.find(".naming").hidden = true;
    this.go(this.at, { focus: true, keep: true });
  }
  finish() {
    const dialog = this.find(".finishing");
    openFinish(dialog, this.store, () => {
      if (this.store.queue.length) return this.say("Some steps are not saved yet. Wait a moment, then finish.", true);
      dialog.close();
      this.finished();
    });
  }
  say(words, isError = false) {
    const told = this.find(".told");
    told.textContent = words;
    told.classList.toggle("bad", isError);
  }

  key(event) {
    const target = event.composedPath()[0], inside = event.composedPath().includes(this.root);
    if (event.defaultPrevented || event.isComposing || event.altKey || this.root.querySelector("dialog[open]")) return;
    if (!inside && target !== document.body) return;
    if (event.key === "Escape" && !this.find(".naming").hidden) return this.endNaming();
    if (target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    if (target.matches("[role=tab]") && this.keyOnTab(event.key)) return void event.preventDefault();
    if (target.matches("button, input") && (event.key === "Enter" || event.key === " ")) return;
    if (event.ctrlKey || event.metaKey ? this.combined(event) : this.plain(event)) event.preventDefault();
  }
  keyOnTab(key) {
    const tabs = Object.keys(TABS), way = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (way) this.open(tabs[(tabs.indexOf(this.tab) + way + tabs.length) % tabs.length]);
    else if (key === "ArrowDown" || key === "Enter") this.go(this.at, { focus: true, keep: true });
    else return false;
    return true;
  }
  combined({ key, shiftKey }) {
    const small = key.toLowerCase();
    if (small === "z") this.undo(shiftKey ? "redo" : "undo");
    else if (small === "y") this.undo("redo");
    else if (small === "a") {
      const group = this.groups.find(({ ids }) => ids.includes(this.at));
      if (!group) return false;
      this.chosen = new Set(group.ids);
      this.update();
    } else return false;
    return true;
  }
  plain({ key, shiftKey }) {
    const small = key.toLowerCase(), known = this.store.classes.find((one) => one.key === small);
    if (ARROWS[key]) this.move(ARROWS[key], shiftKey);
    else if (known) this.give(known.name);
    else if (key === "Enter") this.accept();
    else if (key === "Backspace") this.undo("undo");
    else if (key === "0" || small === "n") this.give(NONE);
    else if (key === " " || small === "s") this.give(SKIP);
    else if (small === "v") this.turn();
    else if (key === "?") openHelp(this.find(".help"));
    else if (key === "Escape") { this.go(this.at, { focus: true, explicit: true }); this.update(); }
    else if (key === "+" || KEYS.includes(small)) this.beginNaming();
    else return false;
    return true;
  }
}
