// What stands around the pictures: tabs, classes, what a tab is about, what is chosen, one picture at large.

function readColors(labeler) { // of the theme, which may change from light to dark
  const colors = getComputedStyle(labeler.root).getPropertyValue("--st-chart-categorical-colors").split(",").filter(Boolean);
  colors.forEach((color, i) => labeler.root.style.setProperty(`--class-${i}`, color.trim()));
  labeler.store.colors = colors.length || 1;
}

function drawTabs(labeler) {
  const root = labeler.find(".tabs");
  if (!root.children.length) root.append(...Object.entries(TABS).map(([tab, [name]]) => {
    const one = make("button", { type: "button", id: `tab-${tab}`, onclick: () => labeler.open(tab) },
      { role: "tab", "aria-controls": "panel" });
    one.append(name, " ", make("small"));
    return one;
  }));
  for (const one of root.children) {
    const tab = one.id.slice(4), isOpen = tab === labeler.tab;
    one.setAttribute("aria-selected", isOpen);
    one.tabIndex = isOpen ? 0 : -1;
    one.lastChild.textContent = labeler.store.labels.size || tab === "next" || tab === "alike" ? TABS[tab][1](labeler.store) || "" : "";
  }
  labeler.find(".panel").setAttribute("aria-labelledby", `tab-${labeler.tab}`);
}

function drawClasses(labeler) {
  const { store } = labeler;
  const root = labeler.find(".classes"), counts = new Map();
  for (const label of store.labels.values()) counts.set(label, (counts.get(label) ?? 0) + 1);
  const all = [...store.classes.map(({ name, key }) => [name, key]), [NONE, "0"], [SKIP, "s"]];
  const state = JSON.stringify([all, [...counts]]);
  if (labeler.drawn === state) return;
  labeler.drawn = state;
  const focused = labeler.parent.activeElement?.dataset?.label;
  root.replaceChildren(...all.map(([label, key]) => {
    const one = make("button", { type: "button", className: label.startsWith("\0") ? "other" : "class", onclick: () => labeler.give(label) },
      { "aria-keyshortcuts": key });
    one.dataset.label = label;
    one.style.setProperty("--class", colorOf(store, label));
    one.append(make("kbd", { textContent: key }, { "aria-hidden": "true" }), make("span", { textContent: label === SKIP ? "Skip" : nameOf(label) }));
    if (counts.get(label)) one.append(make("small", { textContent: counts.get(label) }));
    return one;
  }), make("button", { type: "button", className: "other new", textContent: "+ New class", onclick: () => labeler.beginNaming() }));
  const same = [...root.children].find((one) => one.dataset.label === focused);
  if (focused) same?.focus();
}

function drawAbout(labeler) {
  const { store, tab, single, stepNow } = labeler;
  const root = labeler.find(".about"), { threshold, order } = store.state;
  const state = JSON.stringify([tab, single, stepNow, threshold, order, store.state.message, store.state.proposals_revision, store.labels.size, store.classes.length, labeler.flat.length]);
  if (root.dataset.state === state) return;
  root.dataset.state = state;
  labeler.find(".view").replaceChildren(make("kbd", { textContent: "v" }, { "aria-hidden": "true" }), single ? "All together" : "One by one");
  const slider = root.querySelector("input[type=range]");
  if (tab === "proposed" && slider && threshold) { // it is in somebody's hand
    slider.setAttribute("aria-valuetext", percent(threshold.values[stepNow]));
    root.querySelector("p").textContent = thresholdWords(threshold, stepNow, labeler.acceptable.length);
    nameBulk(labeler, root.querySelector(".bulk"));
    return;
  }
  root.replaceChildren(...aboutParts(labeler, threshold, order?.random));
}

function aboutParts(labeler, threshold, random) {
  const words = (textContent) => make("p", { textContent });
  const nothing = !labeler.flat.length, { proposals, message } = labeler.store.state;
  const waiting = proposals ? "" : message; // why nothing is learned yet
  switch (labeler.tab) {
    case "next": {
      if (nothing) return [words("Every picture has a label. “Check again” shows what the model would call otherwise.")];
      const first = labeler.store.classes.length ? "" : "What does the first picture show? Press 1, or “+ New class”, and type its name.";
      const box = make("input", { type: "checkbox", checked: !random, onchange: () => labeler.order(!box.checked) });
      const label = make("label");
      label.append(box, "Those first that teach the model most");
      return first ? [make("p", { className: "first", textContent: first })] : [label];
    }
    case "proposed": {
      if (!threshold?.values?.length || !proposals || !TABS.proposed[1](labeler.store))
        return [words(waiting || "Every picture has a label: nothing is left to propose.")];
      const slider = make("input", { type: "range", min: 0, max: threshold.values.length - 1, value: labeler.stepNow,
        oninput: () => { labeler.step = +slider.value; labeler.groups = []; labeler.update(); } });
      const label = make("label", { textContent: "At least this probable" });
      label.append(slider);
      const bulk = make("button", { type: "button", className: "bulk strong", onclick: () => labeler.acceptAll(labeler.acceptable) });
      nameBulk(labeler, bulk);
      return [label, words(thresholdWords(threshold, labeler.stepNow, labeler.acceptable.length)), bulk];
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

function nameBulk(labeler, button) {
  const count = labeler.acceptable.length;
  button.textContent = `Accept all ${count}`;
  button.disabled = !count;
}

function drawChosen(labeler) {
  const { store, find } = labeler;
  const { chosen } = labeler.selection, [id] = chosen, count = chosen.size, proposed = [...chosen].filter((id) => labeler.offer(id));
  find(".chosen").textContent = count > 1 ? `${count} pictures chosen` : count ? store.titles.get(id) : "";
  const accept = find(".accept");
  accept.hidden = !proposed.length;
  accept.replaceChildren(make("kbd", { textContent: "↵" }, { "aria-hidden": "true" }),
    proposed.length === 1 && count === 1 ? `Accept ${nameOf(labeler.offer(id))}` : `Accept ${plural(proposed.length, "proposal")}`);
  find(".undo").disabled = !(store.state.can_undo || store.queue.length);
  find(".redo").hidden = !store.state.can_redo;
  find(".edit").hidden = !store.classes.length;
}

function drawLarge(labeler) {
  const { store } = labeler, { at } = labeler.selection;
  const figure = labeler.find(".large"), shows = labeler.single && at;
  figure.hidden = !shows;
  if (!shows) return;
  const image = figure.firstChild, proposal = store.proposal(at), label = store.label(at);
  if (image.dataset.id !== at) {
    image.dataset.id = at;
    image.src = store.picture(at);
    const flat = labeler.flat, place = flat.indexOf(at);
    for (const id of flat.slice(place + 1, place + 4)) new Image().src = store.picture(id);
  }
  image.alt = store.titles.get(at);
  figure.lastChild.textContent = [image.alt, label ? nameOf(label) : proposal && `the model proposes ${nameOf(proposal[0])}, ${probable(proposal[1])}`]
    .filter(Boolean).join(": ");
}
