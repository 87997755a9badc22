// The model card, README.md, as part of the page: a server would show its Markdown as it is.

const CELL = /\s*(?<!\\)\|\s*/;
const SPECIAL = /\\([^\w\s])|`([^`]+)`|<(https?:[^>\s]+)>|\[([^\]]+)\]\((https?:[^)\s]+)\)/g;

/** The elements of a card, without the YAML before it. Only what cards hold is known. */
export function readCard(markdown) {
  const text = markdown.replace(/^---\n[^]*?\n---\n/, "");
  return text.split(/\n{2,}/).filter((block) => block.trim()).map(block);
}

function block(text) {
  const lines = text.replace(/^\n+|\n+$/g, "").split("\n");
  const [, marks, heading] = /^(#+) (.*)$/.exec(lines[0]) ?? [];
  if (marks) return made(`h${Math.min(marks.length + 1, 6)}`, inline(heading));
  if (lines.every((line) => line.startsWith("    ")))
    return made("pre", lines.map((line) => line.slice(4)).join("\n"));
  if (lines[0].startsWith("| ")) return table(lines);
  if (lines[0].startsWith("- ")) {
    const items = lines.join("\n").slice(2).split("\n- ");
    return made("ul", ...items.map((item) => made("li", inline(item))));
  }
  return made("p", inline(lines.join(" ")));
}

function table([head, , ...rows]) {
  const cells = (row, kind) =>
    row.trim().replace(/^\||\|$/g, "").split(CELL).map((cell) => made(kind, inline(cell.trim())));
  const body = rows.map((row) => made("tr", ...cells(row, "td")));
  const node = made("table", made("tr", ...cells(head, "th")), ...body);
  return Object.assign(made("div", node), { className: "wide", tabIndex: 0 });
}

function inline(text) {
  const found = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(SPECIAL)) {
    const [whole, letter, code, address, words, target] = match;
    found.append(text.slice(end, match.index));
    if (letter) found.append(letter);
    else if (code) found.append(made("code", code));
    else found.append(Object.assign(made("a", words ?? address), { href: address ?? target }));
    end = match.index + whole.length;
  }
  found.append(text.slice(end));
  return found;
}

function made(tag, ...children) {
  const node = document.createElement(tag);
  node.append(...children);
  return node;
}
