// How many are labeled, how good the proposals are, what helps most; what goes into a dialog.
const MAX_NEEDY = 5; // classes that are named
const MIN_PER_CLASS = 3; // pictures of a class, to train on it

function drawProgress(root, store, finish) {
  const { curve, message } = store.state, all = store.titles.size;
  const skipped = [...store.labels.values()].filter((label) => label === SKIP).length;
  const done = store.labels.size - skipped;
  const parts = [
    make("p", { className: "count", innerHTML: `<b>${done.toLocaleString("en")}</b> of ${all.toLocaleString("en")} labeled` }),
    make("progress", { max: all, value: done }, { "aria-label": "Labeled pictures" }),
    make("p", { className: `saved ${savedWords(store)[0]}`, textContent: savedWords(store)[1] }),
  ];
  if (skipped) parts[0].append(`, ${skipped} skipped`);
  if (curve?.points?.some(({ accuracy }) => accuracy != null)) parts.push(...qualityOf(curve));
  else if (!message) parts.push(make("p", { textContent: "The model begins to propose when two classes have three pictures each." }));
  if (message) parts.push(make("p", { className: "message", textContent: message }));
  const needy = (curve?.classes ?? []).filter((one) => one.needs_more);
  if (needy.length) {
    const list = make("ul");
    list.append(...needy.slice(0, MAX_NEEDY).map(({ name, labels, right }) => make("li", {
      textContent: `${name}: ${plural(labels, "picture")}` + (right == null ? "" : `, ${percent(right)} told right`),
    })));
    if (needy.length > MAX_NEEDY) list.append(make("li", { textContent: `and ${needy.length - MAX_NEEDY} more` }));
    parts.push(make("h3", { textContent: "Classes that need more" }), list);
  }
  const button = make("button", { type: "button", className: "finish strong", textContent: "Finish: make it a data set", onclick: finish });
  button.disabled = store.classes.filter(({ name }) => [...store.labels.values()].includes(name)).length < 2;
  parts.push(button);
  if (button.disabled) parts.push(make("small", { textContent: "Two classes with pictures are the least." }));
  root.replaceChildren(...parts);
}

function savedWords(store) {
  const waiting = store.queue.length, unsaved = waiting ? `${plural(waiting, "step")} not saved yet: ` : "";
  if (store.failures) {
    const why = store.isGone ? "these pictures are not open on the server (any more)" : "the server does not answer";
    const all = `${unsaved}${why}. ${waiting ? "It is tried again; leave the page open." : "It is tried again."}`;
    return ["bad", all[0].toUpperCase() + all.slice(1)];
  }
  return waiting ? ["", "Saving …"] : ["good", store.loaded ? "All saved" : "Loading …"];
}

function qualityOf({ points: all, rest }) {
  const points = all.filter(({ accuracy }) => accuracy != null);
  const last = points.at(-1);
  const parts = [
    make("h3", { textContent: "How often the model is right" }), drawCurve(points),
    make("p", { textContent: `Asked about pictures whose label it had not seen, it is right for ${percent(last.accuracy)} ` +
      `(allowing for chance, ${percent(last.low)} to ${percent(last.high)}).` }),
  ];
  const share = rest && (rest.accuracy >= 0.995 ? "nearly all" : `about ${percent(rest.accuracy)}`);
  if (rest) parts.push(make("p", { textContent: `Of the pictures without a label it should get ${share} right.` +
    (rest.accuracy > last.high ? " They are easier: what it doubts is asked for first." : "") }));
  return parts;
}

// Accuracy with its interval against the number of labels.
function drawCurve(points) {
  const [width, height, left, bottom, top] = [260, 130, 34, 20, 8];
  const least = Math.min(...points.map(({ low }) => low)), floor = Math.max(0, Math.floor(least * 10 - 0.01) / 10);
  const [first, most] = [points[0].labels, points.at(-1).labels];
  const x = (n) => left + (width - left - 8) * (most > first ? (n - first) / (most - first) : 0.5);
  const y = (share) => top + (height - top - bottom) * (1 - share) / (1 - floor || 1);
  const at = (key) => points.map((one) => `${x(one.labels).toFixed(1)},${y(one[key]).toFixed(1)}`);
  const last = points.at(-1);
  const svg = make("div", { className: "curve" }, { role: "img", "aria-label":
    `Right answers by number of labels: ${points.map((one) => `${percent(one.accuracy)} with ${one.labels}`).slice(-6).join(", ")}` });
  svg.innerHTML = `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">
    ${[floor, 1].map((share) => `<path class="rule" d="M${left} ${y(share)}H${width - 8}"/>
      <text x="${left - 5}" y="${y(share) + 4}" text-anchor="end">${Math.round(share * 100)} %</text>`).join("")}
    ${most > first ? `<polygon points="${[...at("high"), ...at("low").reverse()].join(" ")}"/>`
      : `<path class="interval" d="M${x(first)} ${y(last.high)}V${y(last.low)}"/>`}
    <polyline points="${at("accuracy").join(" ")}"/><circle cx="${x(last.labels)}" cy="${y(last.accuracy)}" r="3.5"/>
    <text x="${x(first)}" y="${height - 4}">${most > first ? first : ""}</text>
    <text x="${width - 8}" y="${height - 4}" text-anchor="end">${most} labels</text></svg>`;
  return svg;
}

// Of ``count`` proposals at least as probable as the threshold: how many will be wrong.
function thresholdWords({ values, errors }, step, count) {
  const [share, low, high] = errors[step] ?? [];
  const said = `${plural(count, "proposal")} at least ${percent(values[step])} probable. `;
  if (share == null) return `${said}Too few labels yet to tell how many of them are wrong.`;
  const wrong = (part) => Math.round(part * count);
  return `${said}So far ${share ? percent(share) : "none"} of such answers were wrong; allowing for chance, ` +
    `${percent(low)} to ${percent(high)}. Of these ${count}, expect ${wrong(low)} to ${wrong(high)} to be wrong.`;
}

function openDialog(dialog, id, title, ...parts) {
  const close = make("button", { type: "button", textContent: "Close", onclick: () => dialog.close() });
  dialog.replaceChildren(make("h2", { id, textContent: title }), ...parts, close);
  if (!dialog.open) dialog.showModal();
  return close;
}

function openClasses(dialog, store) {
  const again = () => setTimeout(() => openClasses(dialog, store), 400); // when the server has answered
  const rows = store.classes.map(({ name, key }) => {
    const row = make("form", { className: "row" });
    const input = make("input", { value: name, maxLength: 100 }, { "aria-label": `Name of ${name}` });
    row.onsubmit = (event) => {
      event.preventDefault();
      const to = input.value.trim();
      if (to && to !== name) { store.do({ do: "rename_class", name, to }); store.tell(`“${name}” is “${to}” now.`); again(); }
    };
    const remove = make("button", { type: "button", textContent: "Remove", onclick() { store.do({ do: "remove_class", name }); store.tell(`“${name}” is removed.`); again(); } },
      { "aria-label": `Remove ${name}` });
    row.append(make("kbd", { textContent: key }), input, make("button", { textContent: "Rename" }, { "aria-label": `Rename ${name}` }), remove);
    return row;
  });
  const about = make("p", { textContent: "Pictures of a class that is removed have no label then. Undo brings it back." });
  openDialog(dialog, "renaming", "Classes", ...rows, about);
}

function openFinish(dialog, store, finish) {
  const values = [...store.labels.values()], count = (label) => values.filter((one) => one === label).length;
  const list = make("ul");
  list.append(...store.classes.filter(({ name }) => count(name)).map(({ name }) => make("li", { textContent: `${name}: ${plural(count(name), "picture")}` })));
  const out = [[count(NONE), "of none of these"], [count(SKIP), "skipped"], [store.open.length, "without a label"]];
  const left = out.filter(([n]) => n).map(([n, what]) => `${n.toLocaleString("en")} ${what}`).join(", ");
  const about = make("p", { textContent: `${left ? `Left out: ${left}. ` : ""}You can go on labeling later.` });
  const small = store.classes.map(({ name }) => name).filter((name) => count(name) && count(name) < MIN_PER_CLASS);
  if (small.length) about.append(` ${small.join(", ")}: a model needs at least ${MIN_PER_CLASS} pictures of a class.`);
  const close = openDialog(dialog, "finishing", "The data set will have", list, about);
  const button = make("button", { type: "button", className: "strong", textContent: "Make it a data set", onclick: finish });
  const row = make("div", { className: "row" });
  close.textContent = "Go on labeling";
  close.replaceWith(row);
  row.append(button, close);
  button.focus();
}
