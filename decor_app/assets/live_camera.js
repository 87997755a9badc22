// A frame is sent when the page has answered the one before, never earlier: the server sets the pace.
const SIDE = 512, PAUSE = 600;

export default function ({ parentElement, setStateValue }) {
  const [video, words, button] = ["video", "p", "button"].map((tag) => parentElement.querySelector(tag));
  if (parentElement.decorLive) return parentElement.decorLive.leave;
  const live = { paused: false, timer: 0, stream: null };

  const busy = () => document.querySelector("[data-test-script-state]")
    ?.dataset.testScriptState.toLowerCase().startsWith("r");
  const look = () => {
    live.timer = setTimeout(look, PAUSE);
    if (live.paused || !video.videoWidth || busy()) return;
    const scale = SIDE / Math.max(video.videoWidth, video.videoHeight);
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth * scale;
    canvas.height = video.videoHeight * scale;
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    setStateValue("frame", canvas.toDataURL("image/jpeg", 0.85));
  };
  const tell = () => {
    button.textContent = live.paused ? "Go on" : "Pause";
    words.textContent = live.paused ? "Paused." : "Looking again and again …";
  };
  button.onclick = () => { live.paused = !live.paused; tell(); };

  const media = navigator.mediaDevices;
  const camera = media ? media.getUserMedia({ video: { facingMode: "environment" } }) : Promise.reject();
  camera.then(async (stream) => {
    live.stream = stream;
    video.srcObject = stream;
    await video.play();
    button.hidden = false;
    tell();
    look();
  }).catch(() => {
    video.hidden = true;
    words.textContent = "The camera is not available: allow it in the browser, and open this page " +
      "by https or on localhost.";
  });

  live.leave = () => {
    clearTimeout(live.timer);
    live.stream?.getTracks().forEach((track) => track.stop());
    parentElement.decorLive = undefined;
  };
  parentElement.decorLive = live;
  return live.leave;
}
