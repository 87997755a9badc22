// The page: pictures come by a drop, a choice of files, a paste or the camera; answers go below.

import { readCard } from "./card.js";
import { confidence, decide, percent, plural, title } from "./decision.js";
import { loadModel, predict, rollUp } from "./model.js";
import { readBitmap, readPicture } from "./picture.js";

const MAX_BARS = 5;
const MAX_ANSWERS = 200; // older ones go, and their pictures with them
const PREVIEW_SIDE = 640;

const find = (id) => document.getElementById(id);
export let model = null; // for pages of your own, and tests
let level = 0;
let queue = Promise.resolve(); // one picture at a time

async function start() {
  try {
    model = await loadModel((loaded, all) => (find("progress").value = loaded / all));
  } catch (error) {
    fail(location.protocol === "file:"
      ? "A browser opens this page from a web server only; in its folder run: python -m http.server"
      : `The model could not be loaded: ${error.message}`);
    return;
  } finally {
    find("loading").hidden = true;
  }
  const { labels, name } = model.levels[0];
  document.title = find("title").textContent = model.title;
  find("about").textContent = `Tells ${labels.length} ${plural(name)} apart: ${labels.join(", ")}.`;
  showLevels();
  find("tools").hidden = false;
}

function fail(message) {
  find("failure").textContent = message;
  find("failure").hidden = !message;
}

// --- pictures come

function take(files) {
  fail("");
  enqueue(Array.from(files, (file) =>
    ({ name: file.name, read: () => readPicture(file), source: file })));
}

/** Look at pictures when those before them are done; `read` gives the pixels of one. */
function enqueue(pictures) {
  const added = pictures.map(({ name }) => newAnswer(name));
  find("answers").prepend(...added.map(({ node }) => node));
  answers.push(...added);
  for (const { node } of answers.splice(0, answers.length - MAX_ANSWERS)) node.remove();
  pictures.forEach(({ read, source }, i) => {
    queue = queue.then(() => look(added[i], read, source));
  });
}

async function look(answer, read, source) {
  await new Promise((resolve) => setTimeout(resolve)); // lets the page be drawn
  try {
    const pixels = await read();
    await showPreview(answer, source);
    answer.found = await predict(model, pixels);
    render(answer);
  } catch (error) {
    answer.node.classList.remove("waiting");
    answer.node.classList.add("refused");
    answer.node.querySelector("h2").textContent = "Not looked at";
    answer.node.querySelector(".words span").textContent = error.message;
  }
}

for (const kind of ["dragover", "drop", "dragleave"])
  addEventListener(kind, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && model) take(event.dataTransfer.files);
  });
addEventListener("paste", (event) => model && take(event.clipboardData.files));
find("files").addEventListener("change", ({ target }) => {
  take(target.files);
  target.value = ""; // so that the same file can be chosen again
});

// --- the camera

find("camera").addEventListener("click", async () => {
  fail("");
  try {
    const wanted = { video: { facingMode: "environment", width: { ideal: 1280 } } };
    find("video").srcObject = await navigator.mediaDevices.getUserMedia(wanted);
    await find("video").play();
  } catch {
    fail("There is no camera, or the browser may not use it: it needs your permission, and an "
      + "address that begins with https or is on this computer.");
    return;
  }
  showCamera(true);
});
find("stop").addEventListener("click", () => {
  for (const track of find("video").srcObject.getTracks()) track.stop();
  find("video").srcObject = null;
  showCamera(false);
});
find("shoot").addEventListener("click", async () => {
  const bitmap = await createImageBitmap(find("video"));
  enqueue([{ name: "From the camera", read: () => readBitmap(bitmap, false), source: bitmap }]);
});

function showCamera(isOn) {
  find("viewfinder").hidden = !isOn;
  find("drop").hidden = isOn;
}

// --- answers

const answers = [];

function newAnswer(name) {
  const node = find("answer").content.firstElementChild.cloneNode(true);
  node.querySelector(".file").textContent = name;
  node.querySelector("h2").textContent = "Looking …";
  node.classList.add("waiting");
  return { node, name, found: null };
}

/** The picture on the page is a small one: many large ones would fill the memory. */
async function showPreview({ node, name }, source) {
  const bitmap = await createImageBitmap(source);
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const image = node.querySelector("img");
  image.src = canvas.toDataURL("image/webp", 0.9);
  image.alt = name;
}

function render({ node, found }) {
  const { name, labels } = model.levels[level];
  const rolled = rollUp(found.probabilities, model.levels, level);
  const scores = labels.map((label, i) => [label, rolled[i]]).sort((a, b) => b[1] - a[1]);
  const decision = decide(scores, found.novelty, model);
  const { sure, words } = confidence(decision, scores, name);
  node.classList.remove("waiting");
  node.dataset.kind = decision.kind;
  node.querySelector("h2").textContent = title(decision, name);
  node.querySelector(".words strong").textContent = sure;
  node.querySelector(".words span").textContent = sure ? `: ${words}` : words;
  const bars = scores.slice(0, MAX_BARS).map(([label, share]) => bar(label, share));
  node.querySelector(".bars").replaceChildren(...bars);
}

function bar(label, share) {
  const item = document.createElement("li");
  const [name, track, value] = ["span", "span", "span"].map((tag) => document.createElement(tag));
  name.textContent = label;
  track.className = "track";
  track.append(document.createElement("span"));
  track.firstChild.style.width = `${share * 100}%`;
  value.textContent = percent(share);
  item.append(name, track, value);
  return item;
}

// --- the model card

find("about-model").addEventListener("click", async (event) => {
  event.preventDefault();
  try {
    const answer = await fetch(event.target.href);
    if (!answer.ok) throw new Error(answer.statusText);
    find("card").querySelector("div").replaceChildren(...readCard(await answer.text()));
    find("card").showModal();
  } catch {
    location.href = event.target.href; // as the server gives it
  }
});
find("card").addEventListener("click", ({ target }) => {
  if (target === find("card")) find("card").close(); // a click beside it
});

// --- by style, by country …

function showLevels() {
  if (model.levels.length < 2) return;
  model.levels.forEach(({ name }, number) => {
    const label = document.createElement("label");
    const choice = document.createElement("input");
    Object.assign(choice, { type: "radio", name: "level", checked: !number });
    choice.addEventListener("change", () => {
      level = number;
      answers.filter(({ found }) => found).forEach(render);
    });
    label.append(choice, name);
    find("levels").append(label);
  });
  find("levels").hidden = false;
}

start();
