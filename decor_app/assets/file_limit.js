// Streamlit refuses a file that is too large without saying what to do. This says it: `tell` gets
// the words, or "" when it is taken out or others come. Returns what ends it.
function tellTooLarge(zone, limit, unpack, tell) {
  const look = (event) => {
    if (!event.target.closest?.(zone)) return;
    const files = [...(event.dataTransfer ?? event.target).files ?? []];
    const large = files.find((file) => file.size > limit);
    tell(large ? `${large.name} has ${Math.ceil(large.size / 1e6)} MB; one file may have ` +
      `${limit / 1e6} MB. ${/\.zip$/i.test(large.name) ? unpack : "Save it smaller."}` : "");
  };
  const kinds = ["drop", "change", "click"];
  kinds.forEach((kind) => document.addEventListener(kind, look, true));
  return () => kinds.forEach((kind) => document.removeEventListener(kind, look, true));
}
