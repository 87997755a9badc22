// A folder that is dropped or chosen goes into the drop zone as a zip: with the names of its class
// folders, which browsers leave out of a drop, and as a few uploads instead of thousands.
const ZONE = '[data-testid="stFileUploaderDropzone"]';
// What systems and programs scatter about; sources.py judges the rest. A folder .NET may be a class.
const CLUTTER = /(^|\/)(__MACOSX\/|@eaDir\/|\.git\/|\.ipynb_checkpoints\/|\.DS_Store$|\._[^/]*$|Thumbs\.db$|desktop\.ini$)/i;

export default function ({ parentElement, data }) {
  const zone = () => document.querySelector(`.st-key-${data.zone} ${ZONE}`);
  const input = parentElement.querySelector("input");
  const button = parentElement.querySelector("button");
  const status = parentElement.querySelector("[role=status]");

  const pack = async (found) => {
    const files = found.filter(({ name }) => !CLUTTER.test(name));
    if (!files.length) return void (status.textContent = "There are no files in this folder.");
    const top = files[0].name.split("/")[0] || "pictures";
    try {
      const zips = await zipped(files, data.limit - 2 ** 16, (done) => {
        status.textContent = `Packing file ${done} of ${files.length} …`;
      });
      const parts = zips.map((zip, i) =>
        new File([zip], zips.length > 1 ? `${top}.part${i + 1}.zip` : `${top}.zip`,
          { type: "application/zip" }));
      status.textContent = "";
      feed(zone().querySelector("input"), parts);
    } catch (error) {
      status.textContent = `The folder cannot be read (${error.message}); please zip it.`;
    }
  };
  button.onclick = () => input.click();
  input.onchange = () => {
    const chosen = [...input.files].map((file) => ({ file, name: file.webkitRelativePath }));
    input.value = "";
    pack(chosen);
  };
  const drop = async (event) => {
    const target = event.target.closest?.(`.st-key-${data.zone} ${ZONE}`);
    const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.());
    if (!target || !entries.some((entry) => entry?.isDirectory)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    target.dispatchEvent(new DragEvent("dragleave", { bubbles: true }));
    status.textContent = "Looking into the folder …";
    pack((await Promise.all(entries.filter(Boolean).map(inside))).flat());
  };
  document.addEventListener("drop", drop, true);
  const end = tellTooLarge(`.st-key-${data.zone}`, data.limit,
    "Unpack it and choose the folder: folders are sent in parts.",
    (words) => { status.textContent = words; });
  return () => {
    document.removeEventListener("drop", drop, true);
    end();
  };
}

function feed(zone, files) {
  const moved = new DataTransfer();
  files.forEach((file) => moved.items.add(file));
  zone.files = moved.files;
  zone.dispatchEvent(new Event("change", { bubbles: true }));
}

async function inside(entry, path = "") {
  const name = path + entry.name;
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    return [{ file, name }];
  }
  const reader = entry.createReader(), found = [];
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) break; // a browser gives a hundred at a time
    found.push(...some);
  }
  return (await Promise.all(found.map((one) => inside(one, `${name}/`)))).flat();
}

// Zips whose members are stored as they are, each below `most` bytes.
async function zipped(files, most, tell) {
  const zips = [];
  let zip = new Zip(), done = 0;
  for (const { file, name } of files) {
    const path = new TextEncoder().encode(name);
    if (zip.count && (zip.count > 60_000 || zip.size + file.size + 2 * path.length + 150 > most)) {
      zips.push(zip.blob());
      zip = new Zip();
    }
    zip.add(path, file, crc(new Uint8Array(await file.arrayBuffer())));
    if (++done % 20 === 0) tell(done);
  }
  return [...zips, zip.blob()];
}

class Zip {
  count = 0; size = 22; offset = 0; parts = []; index = [];
  add(path, file, sum) {
    // Version 2.0, names in UTF-8, stored, 1 January 1980.
    const common = [20, 0x800, 0, 0, 33].flatMap(two);
    common.push(...[sum, file.size, file.size].flatMap(four), ...two(path.length), 0, 0);
    this.parts.push(new Uint8Array([80, 75, 3, 4, ...common]), path, file);
    const end = [...two(0), ...two(0), ...two(0), ...four(0), ...four(this.offset)];
    this.index.push(new Uint8Array([80, 75, 1, 2, ...two(20), ...common, ...end]), path);
    this.offset += 30 + path.length + file.size;
    this.size += 76 + 2 * path.length + file.size;
    this.count++;
  }
  blob() {
    const length = this.index.reduce((sum, part) => sum + part.length, 0);
    const counts = [0, 0, this.count, this.count].flatMap(two);
    const end = [80, 75, 5, 6, ...counts, ...four(length), ...four(this.offset), 0, 0];
    return new Blob([...this.parts, ...this.index, new Uint8Array(end)]);
  }
}

const two = (n) => [n & 255, (n >>> 8) & 255];
const four = (n) => [...two(n), ...two(n >>> 16)];
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
function crc(bytes) {
  let sum = -1;
  for (let i = 0; i < bytes.length; i++) sum = TABLE[(sum ^ bytes[i]) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}
