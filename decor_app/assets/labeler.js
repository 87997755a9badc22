// Pictures get labels by keys, by mouse or by finger; nothing of it runs the page anew. All labeler_*.js
// are one module (components/labeler.py): this one has what a label, a tab and a button do.

export default function ({ parentElement, data, setTriggerValue }) {
  const live = parentElement.decorLabeler ?? (parentElement.decorLabeler = new Labeler(parentElement, data));
  live.finished = () => setTriggerValue("finished", Date.now());
  live.store.lost = () => setTriggerValue("lost", Date.now());
  live.take(data);
  return live.leave;
}

class Labeler {
  tab = "next"; single = false; step = -1; groups = []; tiles = []; shown = new Set(); drawn = ""; listed = null;
  selection = new Selection(this); listening = new AbortController();

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
    find(".lists").onclick = (event) => this.selection.click(event);
    find(".lists").ondblclick = () => this.single || this.turn();
    find(".lists").onmousedown = (event) => event.shiftKey && event.preventDefault(); // marks no text
    find(".lists").addEventListener("focusin", ({ target }) => this.selection.atKeyboard(target));
    this.selection.swipes(find(".large"));
    this.measured = new ResizeObserver(([{ target }]) => this.root.style.setProperty("--bar", `${target.offsetHeight}px`));
    this.measured.observe(find(".bar"));
    const { signal } = this.listening, refresh = () => document.hidden || this.store.refresh();
    document.addEventListener("keydown", (event) => press(this, event), { signal });
    document.addEventListener("visibilitychange", refresh, { signal });
    window.addEventListener("online", refresh, { signal });
    window.addEventListener("beforeunload", (event) => this.store.queue.length && event.preventDefault(), { signal });
    drawTabs(this);
    this.update();
  }
  leave = () => {
    this.listening.abort();
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
    const above = new Set(proposedAbove(this.store, this.threshold));
    return this.flat.filter((id) => above.has(id));
  }
  update() {
    readColors(this);
    if (!this.store.loaded) return drawProgress(this.find(".progress"), this.store, () => {});
    this.selection.follow();
    if (!this.flat.length || (this.tab === "next" && this.flat.every((id) => this.store.label(id))) || this.isOutdated) this.build();
    this.root.dataset.tab = this.tab;
    drawClasses(this);
    drawTabs(this);
    drawAbout(this);
    const against = new Map(this.tab === "check" ? this.store.state.disagreements.map(([id, ...said]) => [id, said]) : []);
    for (const one of this.tiles) fill(one, this.store, { ...this.selection, against });
    drawChosen(this);
    drawLarge(this);
    drawProgress(this.find(".progress"), this.store, () => this.finish());
  }
  build() { // other pictures: never under somebody's hands
    const hadFocus = this.tiles.includes(this.parent.activeElement) || !document.activeElement || document.activeElement === document.body;
    this.listed = this.store.state.proposals;
    this.groups = GROUPS[this.tab](this.store, this.threshold);
    this.tiles = drawLists(this.find(".lists"), this.groups, {
      name: TABS[this.tab][0], multi: this.tab !== "next" && this.tab !== "check", shown: this.shown,
      onAll: (group) => this.takeAll(group),
      onMore: (name) => { this.shown.add(name); this.build(); this.update(); },
    });
    this.groups = this.groups.filter(({ ids }) => ids.length);
    const on = this.tiles.map((one) => one.dataset.id);
    const { at } = this.selection, stays = on.includes(at) && !this.store.label(at);
    this.selection.go(stays ? at : on.find((id) => !this.store.label(id)) ?? on[0] ?? "", { focus: hadFocus });
  }
  get stepNow() { // of the threshold: nine in ten, until somebody chooses
    const values = this.store.state.threshold?.values ?? [];
    if (this.step >= 0 && this.step < values.length) return this.step;
    const at = values.findIndex((one) => one >= 0.9);
    return at < 0 ? values.length - 1 : at;
  }
  get threshold() { return this.store.state.threshold?.values[this.stepNow] ?? 0; }
  open(tab) {
    this.tab = tab;
    this.say("");
    this.selection.at = "";
    this.groups = [];
    this.update();
    this.find(`#tab-${tab}`).focus();
  }
  turn() { // between a picture at large and all of them
    this.single = !this.single;
    this.root.classList.toggle("single", this.single);
    this.update();
    this.selection.focus();
  }


  // What is done

  offer(id) { // what Enter would take
    if (this.tab === "check") return this.store.state.disagreements.find(([one]) => one === id)?.[1];
    return this.store.label(id) ? "" : this.store.proposal(id)?.[0];
  }
  give(label) {
    if (!this.selection.chosen.size) return;
    this.label({ do: "label", ids: [...this.selection.chosen], label }, nameOf(label));
  }
  accept() {
    const labels = Object.fromEntries([...this.selection.chosen].map((id) => [id, this.offer(id)]).filter(([, name]) => name));
    if (Object.keys(labels).length) this.label({ do: "label", labels }, [...new Set(Object.values(labels))].map(nameOf).join(", "));
    else this.say("Nothing is proposed for this picture yet: press the key of its class.");
  }
  acceptAll(ids) {
    this.selection.chosen = new Set(ids.filter((id) => this.offer(id)));
    this.accept();
  }
  takeAll({ ids }) {
    if (this.tab === "proposed") return this.acceptAll(ids);
    this.selection.go(ids[0], { focus: true });
    this.selection.chosen = new Set(ids.filter((id) => !this.store.label(id)));
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
    if (next) this.selection.go(next, { focus: true });
    else if (this.tab !== "labeled") this.build();
    this.update();
  }
  undo(step) {
    this.selection.undone = new Map(this.store.labels);
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
    const step = { do: "label", ids: [...this.selection.chosen], label: name };
    if (!this.store.classes.some((one) => one.name === name)) this.store.do({ do: "add_class", name });
    if (step.ids.length) this.label(step, name);
  }
  endNaming() {
    this.find(".naming").hidden = true;
    this.selection.focus();
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
}
