// Which pictures a tab shows, in which groups; what a picture looks like there.
const BATCH = 24, SETS_ALIKE = 12; // pictures; groups
const AT_FIRST = 240, MIN_PER_GROUP = 12, MAX_PER_GROUP = 48; // pictures of all groups together, and of one

const TABS = {
  next: ["To label", (store) => store.open.length],
  proposed: ["Proposals", (store) => proposedAbove(store, 0).length],
  alike: ["Look-alikes", (store) => unlabeledSets(store).length],
  check: ["Check again", (store) => store.state.disagreements.length],
  labeled: ["Labeled", (store) => store.labels.size],
};

// Groups of a tab: a name, the ids, and what a button does with all of them.
const GROUPS = {
  next(store) {
    const open = store.open, known = new Set(open);
    const order = store.state.next.filter((id) => known.delete(id));
    return [{ ids: [...order, ...known].slice(0, BATCH) }];
  },
  proposed(store, threshold) {
    const found = new Map([...store.classes.map(({ name }) => name), NONE].map((name) => [name, []]));
    for (const id of proposedAbove(store, threshold)) found.get(store.proposal(id)[0])?.push(id);
    return [...found].map(([name, ids]) => ({
      name: nameOf(name), ids: ids.sort((one, other) => store.proposal(other)[1] - store.proposal(one)[1]),
      all: `Accept these ${ids.length}`,
    }));
  },
  alike: (store) => unlabeledSets(store).slice(0, SETS_ALIKE).map((ids, i) => ({
    name: `Look-alikes ${i + 1}`, ids, all: `Choose all of these ${ids.length}`,
  })),
  check: (store) => [{ ids: store.state.disagreements.map(([id]) => id) }],
  labeled(store) {
    const found = new Map([...store.classes.map(({ name }) => name), NONE, SKIP].map((name) => [name, []]));
    for (const [id, label] of store.labels) found.get(label)?.push(id);
    return [...found].map(([name, ids]) => ({ name: nameOf(name), ids: ids.reverse() }));
  },
};

const proposedAbove = (store, threshold) =>
  store.open.filter((id) => store.proposal(id) && store.proposal(id)[1] >= threshold);
const unlabeledSets = (store) => store.state.clusters
  .map((ids) => ids.filter((id) => !store.label(id))).filter((ids) => ids.length > 1);

const nameOf = (label) => ({ [NONE]: "None of these", [SKIP]: "Skipped" })[label] ?? label;
const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
const probable = (p) => p >= 0.995 ? "> 99\u00a0%" : percent(p); // nothing is certain
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

function drawLists(root, groups, { name, multi, shown, onAll, onMore }) {
  const full = groups.filter(({ ids }) => ids.length);
  const each = Math.min(MAX_PER_GROUP, Math.max(MIN_PER_GROUP, Math.floor(AT_FIRST / full.length)));
  const parts = full.flatMap((group) => {
    const some = shown.has(group.name) ? group.ids : group.ids.slice(0, each);
    const list = make("ul", {}, { role: "listbox", "aria-multiselectable": "true" });
    list.setAttribute("aria-label", group.name ? `${group.name}: ${plural(group.ids.length, "picture")}` : name);
    list.append(...some.map(tile));
    if (!multi) return [list];
    const head = make("header");
    head.append(make("h3", { textContent: group.name }), make("span", { textContent: plural(group.ids.length, "picture") }));
    if (group.all) head.append(make("button", { type: "button", textContent: group.all, onclick: () => onAll(group) }));
    const rest = group.ids.length - some.length;
    const more = make("button", { type: "button", textContent: `Show ${rest} more`, onclick: () => onMore(group.name) });
    return rest ? [head, list, more] : [head, list];
  });
  root.replaceChildren(...parts);
  return [...root.querySelectorAll("[role=option]")];
}

function tile(id) {
  const one = make("li", { tabIndex: -1 }, { role: "option" });
  one.dataset.id = id;
  one.append(make("img", { alt: "", draggable: false, loading: "lazy", decoding: "async" }), make("b"));
  return one;
}

// Draw what is known of the picture now: its label, else what the model proposes.
function fill(one, store, { chosen, at, against }) {
  const { id } = one.dataset, label = store.label(id), title = store.titles.get(id);
  const image = one.firstChild, words = one.lastChild;
  if (!image.src) image.src = store.thumb(id);
  const doubt = against.get(id), proposal = label ? null : store.proposal(id);
  const said = doubt ? `you: ${nameOf(label)}, model: ${nameOf(doubt[0])} ${probable(doubt[1])}`
    : label ? nameOf(label) : proposal ? `${nameOf(proposal[0])} ${probable(proposal[1])}` : "";
  const kind = label ? (doubt ? "doubted" : "labeled") : proposal ? "proposed" : "";
  if (one.dataset.said !== `${kind}${said}`) {
    one.dataset.said = `${kind}${said}`;
    one.className = kind;
    one.style.setProperty("--class", colorOf(store, label || proposal?.[0]));
    const parts = doubt ? said.split(", model").map((part, i) => i ? `model${part}` : part)
      : proposal ? [nameOf(proposal[0]), probable(proposal[1])] : [said];
    words.replaceChildren(...parts.map((textContent) => make("span", { textContent })));
    one.title = title;
    one.setAttribute("aria-label", [title, proposal ? `proposed: ${said}` : said || "no label yet"].join(", "));
  }
  one.setAttribute("aria-selected", chosen.has(id));
  one.classList.toggle("at", id === at);
  one.tabIndex = id === at ? 0 : -1;
}

// Of the theme's colors, in its order; gray where it is no class.
function colorOf(store, label) {
  const at = store.classes.findIndex(({ name }) => name === label);
  return at < 0 ? "var(--decor-muted)" : `var(--class-${at % store.colors})`;
}

function make(tag, properties = {}, attributes = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  return made;
}
