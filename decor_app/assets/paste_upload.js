// Pictures pasted from the clipboard go into the drop zone, as if they were dropped there. Beneath
// it stands which file was too large; the rest of the time nothing is to be seen.
export default function ({ parentElement, data }) {
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
  const end = tellTooLarge('[data-testid="stFileUploader"]', data.limit,
    "Unpack it and choose some of its pictures.", (words) => {
      parentElement.querySelector("[role=status]").textContent = words;
      (parentElement.host ?? parentElement).classList.toggle("decor-told", Boolean(words));
    });
  return () => {
    document.removeEventListener("paste", paste);
    end();
  };
}
