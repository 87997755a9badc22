// Frames of the camera while the button is held; when it is released they are sent together.
const EVERY = 110, QUALITY = 0.85; // milliseconds; of JPEG
const REASONS = {
  NotAllowedError: "The browser may not use the camera. Click the camera or the lock beside the address, " +
    "allow it, then try again.",
  NotFoundError: "There is no camera here. Plug one in, or add pictures under “Single pictures”.",
  NotReadableError: "The camera is in use by another program. Close that, then try again.",
  insecure: `Browsers open the camera only on pages that come by https, or from localhost; this one comes ` +
    `by ${location.protocol.replace(":", "")} from ${location.hostname}. Open it there, or take the pictures ` +
    "with the camera's own app and add them under “Single pictures”.",
};

export default function ({ parentElement, data, setTriggerValue }) {
  const live = parentElement.decorBurst ?? (parentElement.decorBurst = begin(parentElement));
  live.send = (frames) => setTriggerValue("burst", frames);
  live.update(data);
  return live.leave;
}

function begin(root) {
  const [video, count, hold, words, again] =
    ["video", "b", ".hold", "p", ".again"].map((found) => root.querySelector(found));
  const canvas = document.createElement("canvas");
  const live = { data: null, stream: null, timer: 0, frames: null, letters: 0 };
  const tell = (text) => { if (words.textContent !== text) words.textContent = text; };
  const ready = () => tell([live.answer, live.data.label
    ? `Pictures go to “${live.data.label}”: hold the button, the space bar or Enter, and move a little.`
    : "Say first which class they are of."].filter(Boolean).join(" "));

  const open = async () => {
    again.hidden = true;
    tell("Waiting for the camera …");
    try {
      if (!navigator.mediaDevices) throw { name: "insecure" };
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (live.left) return void stream.getTracks().forEach((track) => track.stop());
      live.stream = stream;
      video.srcObject = stream;
      const [track] = stream.getVideoTracks();
      video.classList.toggle("mirrored", track.getSettings().facingMode !== "environment");
      track.onended = () => fail({ name: "NotReadableError" });
      await video.play();
      hold.disabled = false;
      ready();
    } catch (error) {
      fail(error);
    }
  };
  const fail = (error) => {
    stop();
    hold.disabled = true;
    again.hidden = error.name === "insecure";
    tell(REASONS[error.name] ?? `The camera cannot be opened (${error.message || error.name}); try again.`);
  };

  const grab = () => {
    const scale = Math.min(1, live.data.side / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = video.videoWidth * scale;
    canvas.height = video.videoHeight * scale;
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    const frame = canvas.toDataURL("image/jpeg", QUALITY);
    if (frame === live.frames.at(-1)) return; // the camera has no newer one
    live.frames.push(frame);
    live.letters += frame.length;
    count.textContent = live.frames.length;
    const done = Math.max(live.frames.length / live.data.most, live.letters / live.data.letters);
    hold.style.setProperty("--done", `${100 * done}%`);
    if (done >= 1) stop();
  };
  const start = () => {
    if (live.frames || hold.disabled || !video.videoWidth) return;
    if (!live.data.label) return ready();
    Object.assign(live, { frames: [], letters: 0 });
    hold.setAttribute("aria-pressed", "true");
    hold.textContent = "Recording: release to stop";
    count.hidden = false;
    tell("Recording …");
    live.timer = setInterval(grab, EVERY);
    grab();
  };
  const stop = () => {
    if (!live.frames) return;
    clearInterval(live.timer);
    const { frames } = live;
    live.frames = null;
    hold.removeAttribute("aria-pressed");
    hold.textContent = "Hold to record";
    count.hidden = true;
    tell(`Adding ${frames.length} ${frames.length === 1 ? "picture" : "pictures"} …`);
    live.send(frames);
  };

  const isKey = (event) => event.key === " " || event.key === "Enter";
  hold.onpointerdown = (event) => {
    if (event.button) return;
    hold.setPointerCapture(event.pointerId);
    start();
  };
  hold.onpointerup = hold.onpointercancel = hold.onblur = stop;
  hold.onkeydown = (event) => { if (isKey(event)) { event.preventDefault(); if (!event.repeat) start(); } };
  hold.onkeyup = (event) => { if (isKey(event)) { event.preventDefault(); stop(); } };
  hold.oncontextmenu = (event) => event.preventDefault(); // a long touch
  again.onclick = open;
  document.addEventListener("visibilitychange", stop);

  live.update = (data) => {
    const before = live.data ?? { label: data.label };
    live.data = data;
    if (before.label === data.label && before.bursts === data.bursts) return;
    live.answer = before.bursts === data.bursts ? "" : data.answer;
    if (!hold.disabled && !live.frames) ready();
  };
  live.leave = () => {
    live.left = true;
    live.frames = null;
    clearInterval(live.timer);
    document.removeEventListener("visibilitychange", stop);
    live.stream?.getTracks().forEach((track) => track.stop());
    root.decorBurst = undefined;
  };
  open();
  return live;
}
