// A frame is sent when the one before has been answered, never earlier: the server sets the pace.
const SIDE = 512, PAUSE = 500;
export default function ({ parentElement, data, setStateValue }) {
  const video = parentElement.querySelector("video");
  const words = parentElement.querySelector("p");
  const button = parentElement.querySelector("button");
  const live = (parentElement.decorLive ??= { paused: false, timer: 0, stream: null, asked: false });
  const send = () => {
    if (live.paused || !video.videoWidth) return;
    const scale = SIDE / Math.max(video.videoWidth, video.videoHeight);
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth * scale;
    canvas.height = video.videoHeight * scale;
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    setStateValue("frame", canvas.toDataURL("image/jpeg", 0.85));
  };
  live.send = send;
  const later = () => { clearTimeout(live.timer); live.timer = setTimeout(() => live.send(), PAUSE); };
  if (!live.asked) {
    live.asked = true;
    button.onclick = () => {
      live.paused = !live.paused;
      button.textContent = live.paused ? "Go on" : "Pause";
      words.textContent = live.paused ? "Paused." : "Looking again and again …";
      if (!live.paused) later();
    };
    const media = navigator.mediaDevices;
    const wish = { video: { facingMode: "environment" } };
    (media ? media.getUserMedia(wish) : Promise.reject()).then(async (stream) => {
      live.stream = stream;
      video.srcObject = stream;
      await video.play();
      words.textContent = "Looking again and again …";
      button.hidden = false;
      later();
    }).catch(() => {
      video.hidden = true;
      words.textContent = "The camera is not available: allow it in the browser, and open this page by https or on localhost.";
    });
  } else if (live.turn !== data.turn) {
    later();
  }
  live.turn = data.turn;
  return () => {
    clearTimeout(live.timer);
    live.stream?.getTracks().forEach((track) => track.stop());
    parentElement.decorLive = undefined;
  };
}
