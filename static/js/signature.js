// The editor of signatures and templates: the composer's, with fewer tools. Until it is there, and where it cannot be,
// a plain box takes the text. What it makes is sent in the field `html`. Pictures are uploaded at once.

import { post } from "./client.js";
import { loadEditor } from "./compose-editor.js";
import { toast } from "./toast.js";

const place = document.querySelector("[data-own-editor]");

const commands = {
  bold: (editor) => editor.chain().focus().toggleBold().run(),
  italic: (editor) => editor.chain().focus().toggleItalic().run(),
  underline: (editor) => editor.chain().focus().toggleUnderline().run(),
  bulleted: (editor) => editor.chain().focus().toggleBulletList().run(),
  clear: (editor) => editor.chain().focus().unsetAllMarks().clearNodes().run(),
};
const marks = { bold: "bold", italic: "italic", underline: "underline", bulleted: "bulletList" };

/** Resolves when the form holds what the editor made of its beginning: from then on it can be told what has changed. */
export async function start() {
  const kit = await loadEditor();
  const { Editor, Document, Paragraph, Text, HardBreak, Bold, Italic, Underline, BulletList, OrderedList, ListItem, Link, Image, UndoRedo } = kit;
  const box = place.querySelector("textarea"), field = place.querySelector("input[name=html]"), tools = place.querySelector(".own-tools");
  const holder = document.createElement("div");
  holder.className = "own-text input";
  box.before(holder);
  /** Uploads pictures and shows them where the caret is; whether there were any to take. */
  const bring = (files) => {
    const pictures = place.dataset.pictures ? [...(files ?? [])].filter(({ type }) => type.startsWith("image/")) : [];
    for (const picture of pictures) upload(picture).then((url) => editor.chain().focus().setImage({ src: url, alt: "" }).run(), toast);
    return pictures.length > 0;
  };
  const editor = new Editor({
    element: holder,
    extensions: [Document, Paragraph, Text, HardBreak, Bold, Italic, Underline, BulletList, OrderedList, ListItem, Link.configure({ openOnClick: false, autolink: true, linkOnPaste: true, defaultProtocol: "https" }), UndoRedo, ...(place.dataset.pictures ? [Image.configure({ inline: true, allowBase64: false })] : [])],
    content: place.dataset.html,
    injectCSS: false,
    editorProps: { handlePaste: (_view, event) => bring(event.clipboardData?.files), handleDrop: (_view, event) => bring(event.dataTransfer?.files), attributes: { "aria-labelledby": "look-text-label", role: "textbox", "aria-multiline": "true", dir: "auto" } },
    onUpdate: () => { field.value = editor.getHTML(); field.dispatchEvent(new Event("input", { bubbles: true })); },
    onTransaction: () => show(),
  });
  const show = () => { for (const tool of tools.querySelectorAll("[data-own]")) if (marks[tool.dataset.own]) tool.setAttribute("aria-pressed", editor.isActive(marks[tool.dataset.own])); };
  if (place.dataset.pictures) {
    const chooser = place.querySelector("input[type=file]");
    tools.querySelector("[data-own-picture]").addEventListener("click", () => chooser.click());
    chooser.addEventListener("change", () => { bring(chooser.files); chooser.value = ""; });
  }
  field.disabled = false;
  field.value = editor.getHTML();
  box.hidden = true;
  box.disabled = true;
  tools.hidden = false;
  tools.addEventListener("click", (event) => commands[event.target.closest("[data-own]")?.dataset.own]?.(editor));
  show();
}

async function upload(picture) {
  const form = new FormData();
  form.append("file", picture);
  return (await post(place.dataset.pictures, form)).url;
}
