// Pictures pasted from the clipboard go into the drop zone, as if they were dropped there.
export default function () {
  const paste = (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter((f) => f.type.startsWith("image/"));
    const zone = document.querySelector('[data-testid="stFileUploaderDropzoneInput"]');
    if (!files.length || !zone) return;
    event.preventDefault();
    const moved = new DataTransfer();
    files.forEach((file) => moved.items.add(file));
    zone.files = moved.files;
    zone.dispatchEvent(new Event("change", { bubbles: true }));
  };
  document.addEventListener("paste", paste);
  return () => document.removeEventListener("paste", paste);
}
