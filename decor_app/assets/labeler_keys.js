// What keys do, and how it is told.
const HELP = [
  ["1 – 9, letters", "give the chosen pictures the class with this key"],
  ["a key that is free, or +", "name a new class, and give it to them"],
  ["Enter", "accept what the model proposes"],
  ["0 or n", "none of these classes"],
  ["Space or s", "skip: I cannot tell"],
  ["Backspace, Ctrl + Z", "take the last step back; Ctrl + Y does it again"],
  ["Arrows, Home, End", "go to another picture"],
  ["Shift + arrows", "choose several; Ctrl + A chooses all of a group"],
  ["v", "one by one, at large; again: all together"],
  ["Tab", "from the classes to the pictures and on"],
  ["?", "this list"],
];
const ARROWS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: "up", ArrowDown: "down", Home: "first", End: "last" };

function press(labeler, event) {
  const target = event.composedPath()[0], inside = event.composedPath().includes(labeler.root);
  if (event.defaultPrevented || event.isComposing || event.altKey || labeler.root.querySelector("dialog[open]")) return;
  if (!inside && target !== document.body) return;
  if (event.key === "Escape" && !labeler.find(".naming").hidden) return labeler.endNaming();
  if (target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  if (target.matches("[role=tab]") && onTab(labeler, event.key)) return void event.preventDefault();
  if (target.matches("button, input") && (event.key === "Enter" || event.key === " ")) return;
  if (event.ctrlKey || event.metaKey ? combined(labeler, event) : plain(labeler, event)) event.preventDefault();
}

function onTab(labeler, key) {
  const tabs = Object.keys(TABS), way = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (way) labeler.open(tabs[(tabs.indexOf(labeler.tab) + way + tabs.length) % tabs.length]);
  else if (key === "ArrowDown" || key === "Enter") labeler.selection.focus();
  else return false;
  return true;
}

function combined(labeler, { key, shiftKey }) {
  const small = key.toLowerCase();
  if (small === "z") labeler.undo(shiftKey ? "redo" : "undo");
  else if (small === "y") labeler.undo("redo");
  else if (small === "a") {
    const group = labeler.groups.find(({ ids }) => ids.includes(labeler.selection.at));
    if (!group) return false;
    labeler.selection.chosen = new Set(group.ids);
    labeler.update();
  } else return false;
  return true;
}

function plain(labeler, { key, shiftKey }) {
  const small = key.toLowerCase(), known = labeler.store.classes.find((one) => one.key === small);
  if (ARROWS[key]) labeler.selection.move(ARROWS[key], shiftKey);
  else if (known) labeler.give(known.name);
  else if (key === "Enter") labeler.accept();
  else if (key === "Backspace") labeler.undo("undo");
  else if (key === "0" || small === "n") labeler.give(NONE);
  else if (key === " " || small === "s") labeler.give(SKIP);
  else if (small === "v") labeler.turn();
  else if (key === "?") openHelp(labeler.find(".help"));
  else if (key === "Escape") { labeler.selection.go(labeler.selection.at, { focus: true, explicit: true }); labeler.update(); }
  else if (key === "+" || KEYS.includes(small)) labeler.beginNaming();
  else return false;
  return true;
}

function openHelp(dialog) {
  const table = make("table");
  table.innerHTML = HELP.map(([key, does]) => `<tr><th scope="row">${key}</th><td>${does}</td></tr>`).join("");
  openDialog(dialog, "help", "Keys", table);
}
