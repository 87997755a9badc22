// The labels: as the server has them, and the steps that are on their way to it. A step shows at once, is
// kept in the browser until the server has it on its disk, and is sent again until then.
const NONE = "\u0000none", SKIP = "\u0000skip"; // label_steps.py
const KEYS = [..."123456789abcdefghijklmopqrtuwxyz"]; // of classes; n, s and v have a meaning
const NOTHING = { next: [], clusters: [], disagreements: [], proposals: {} }; // learned so far
const POLL = 700, LONGEST = 4000, LONGEST_ANSWER = 20000; // milliseconds

class LabelStore {
  queue = []; saved = new Map(); failures = 0; sending = 0;
  state = { revision: 0, proposals_revision: -1, classes: [], message: "", ...NOTHING };

  constructor({ address, dataset, pictures }, changed, tell) {
    this.address = address;
    this.places = `decor-labeling-${dataset}/`; // of each tab its own, or one would wipe out the other's
    this.place = this.places + newId();
    this.titles = titlesOf(pictures);
    this.changed = changed;
    this.tell = tell;
    this.takeOver();
    this.show();
    this.load();
  }
  takeOver() { // what tabs that are closed could not send; the server knows steps that come twice
    try {
      for (const place of Object.keys(localStorage).filter((one) => one.startsWith(this.places))) {
        this.queue.push(...JSON.parse(localStorage.getItem(place)));
        localStorage.removeItem(place);
      }
    } catch { /* none is kept */ }
    this.keep();
  }
  take({ address, pictures }) { // whether there are other pictures
    const isOther = pictures.length !== this.titles.size;
    if (isOther) this.titles = titlesOf(pictures);
    if (address !== this.address || isOther) {
      Object.assign(this, { address, failures: 0 });
      this.state.revision = 0; // of a journal that a new server reads anew
      clearTimeout(this.timer);
      this.load();
    }
    return isOther;
  }
  thumb(id) { return `${this.address}/thumb/${encodeURIComponent(id)}`; }
  picture(id) { return `${this.address}/picture/${encodeURIComponent(id)}`; }
  label(id) { return this.labels.get(id) ?? ""; }
  proposal(id) { return this.state.proposals?.[id] ?? null; }
  get open() { return [...this.titles.keys()].filter((id) => !this.labels.has(id)); }

  do(...steps) {
    // By its id the server knows a step that comes again, as no answer to it arrived.
    this.queue.push(...steps.map((step) => ({ ...step, id: newId() })));
    this.show();
    this.keep();
    this.changed();
    this.send();
  }
  show() { // what the server has, and what is on its way
    this.labels = new Map(this.saved);
    this.classes = [...this.state.classes];
    const undone = [];
    for (const step of this.queue) {
      const before = [];
      for (const [id, label] of pairs(step)) {
        before.push([id, this.label(id)]);
        put(this.labels, id, label);
      }
      if (step.do === "undo") for (const [id, label] of undone.pop() ?? []) put(this.labels, id, label);
      else undone.push(before);
      if (step.do === "add_class" && !this.classes.some(({ name }) => name === step.name))
        this.classes.push({ name: step.name, key: this.freeKey() });
    }
  }
  freeKey() { return KEYS.find((key) => !this.classes.some((one) => one.key === key)) ?? ""; }
  keep() {
    try {
      if (this.queue.length) localStorage.setItem(this.place, JSON.stringify(this.queue));
      else localStorage.removeItem(this.place);
    } catch { /* a private window: they are lost with the page, which asks before it goes */ }
  }

  async load() {
    try {
      this.absorb(await this.ask("state?since=0&proposals=-1"), true);
      this.failures = 0;
      this.loaded = true;
    } catch (error) {
      return this.later(error, () => this.load());
    }
    this.changed();
    this.send();
  }
  async send() {
    clearTimeout(this.timer);
    if (this.sending || !this.queue.length || !this.loaded) return;
    const steps = [...this.queue];
    this.sending = steps.length;
    try {
      const { revision, proposals_revision } = this.state;
      const body = JSON.stringify({ revision, proposals_revision, steps });
      const headers = { "Content-Type": "application/json" };
      const answer = await this.ask("steps", { method: "POST", headers, body });
      this.taken(steps.length);
      this.absorb(answer);
      this.failures = 0;
      if (answer.refused?.length) this.tell(answer.refused.join(" "), true);
    } catch (error) {
      this.sending = 0;
      if (error.refused) {
        this.taken(steps.length);
        this.show();
        this.tell(error.message, true);
      } else return this.later(error, () => this.send());
    }
    this.changed();
    this.send();
  }
  taken(count) {
    this.queue.splice(0, count);
    this.sending = 0;
    this.keep();
  }
  later(error, again) {
    this.failures++;
    this.isGone = !!error.gone; // deleted, or the server was started anew: then the page brings the new address
    if (error.gone) this.lost?.();
    this.timer = setTimeout(again, Math.min(500 * 2 ** this.failures, LONGEST));
    this.changed();
  }
  async refresh() { // proposals that came meanwhile, what another tab has done
    if (this.failures) return this.load();
    if (!this.loaded || this.sending) return;
    try {
      this.absorb(await this.ask(`state?since=${this.state.revision}&proposals=${this.state.proposals_revision}`));
      this.changed();
    } catch (error) {
      this.later(error, () => this.load());
    }
  }
  async ask(path, options = {}) {
    const answer = await fetch(`${this.address}/${path}`, {
      credentials: "same-origin", signal: AbortSignal.timeout(LONGEST_ANSWER), ...options,
    });
    if (answer.ok) return answer.json();
    const problem = await answer.json().catch(() => ({}));
    const error = new Error(problem.detail || `The server answered with ${answer.status}.`);
    error.gone = answer.status === 404;
    error.refused = [413, 422].includes(answer.status); // all others may come right: log in anew, wait
    throw error;
  }
  absorb(answer, all = false) {
    if (answer.revision < this.state.revision) return; // an older answer that came late
    // What was learned is null where it is as before, and where it is nothing (yet).
    const isNew = answer.proposals_revision !== this.state.proposals_revision;
    for (const [name, value] of Object.entries(answer))
      if (value !== null) this.state[name] = value;
      else if (isNew) this.state[name] = NOTHING[name] ?? null;
    if (all) this.saved = new Map();
    for (const [id, label] of Object.entries(answer.labels)) put(this.saved, id, label);
    this.show();
    clearTimeout(this.polling);
    if (answer.fitting) this.polling = setTimeout(() => this.refresh(), POLL);
  }
  leave() {
    clearTimeout(this.polling);
    clearTimeout(this.timer);
  }
}

const newId = () => Math.random().toString(36).slice(2);
const titlesOf = (pictures) => new Map(pictures.map(({ id, title }) => [id, title]));
const pairs = ({ ids, label, labels }) => labels ? Object.entries(labels) : (ids ?? []).map((id) => [id, label]);
const put = (labels, id, label) => label ? labels.set(id, label) : labels.delete(id);
