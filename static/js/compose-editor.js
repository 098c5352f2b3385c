// The text of a message: Tiptap out of django-prose-editor, with our own toolbar. Until it is loaded, and where it
// cannot be, a plain box takes the text, and what was typed there is carried over.
// The quoted original never comes here: the editor would lose its tables and colours.

import { dock, say } from "./compose-net.js";

let loading = null;

/** Loads the editor once; it is some 140 kB on the wire and is wanted only by who writes. */
export function loadEditor() {
  loading ??= import(dock.dataset.editor).catch((error) => { loading = null; throw error; });
  return loading;
}

const OPEN = { openOnClick: false, autolink: true, linkOnPaste: true, defaultProtocol: "https", protocols: ["mailto", "tel"] };

function extensions(kit, askForLink) {
  const { Document, Paragraph, Text, HardBreak, Bold, Italic, Underline, Strike, BulletList, OrderedList, ListItem, Blockquote, Link, Image, UndoRedo, Placeholder, Dropcursor, Extension } = kit;
  const shortcuts = Extension.create({
    name: "mailShortcuts",
    addKeyboardShortcuts() {
      return {
        "Mod-Shift-9": () => this.editor.commands.toggleBlockquote(),
        "Alt-Shift-5": () => this.editor.commands.toggleStrike(),
        "Mod-\\": () => clear(this.editor),
        "Mod-k": () => { askForLink(); return true; },
      };
    },
  });
  const OurLink = Link.extend({ addKeyboardShortcuts: () => ({}) });
  return [Document, Paragraph, Text, HardBreak, Bold, Italic, Underline, Strike, BulletList, OrderedList, ListItem, Blockquote,
    OurLink.configure(OPEN), Image.configure({ inline: true, allowBase64: false }), UndoRedo, Placeholder.configure({ placeholder: say("placeholder") }), Dropcursor, shortcuts];
}

const clear = (editor) => editor.chain().focus().unsetAllMarks().clearNodes().run();

const commands = {
  undo: (editor) => editor.chain().focus().undo().run(),
  redo: (editor) => editor.chain().focus().redo().run(),
  bold: (editor) => editor.chain().focus().toggleBold().run(),
  italic: (editor) => editor.chain().focus().toggleItalic().run(),
  underline: (editor) => editor.chain().focus().toggleUnderline().run(),
  strike: (editor) => editor.chain().focus().toggleStrike().run(),
  numbered: (editor) => editor.chain().focus().toggleOrderedList().run(),
  bulleted: (editor) => editor.chain().focus().toggleBulletList().run(),
  quote: (editor) => editor.chain().focus().toggleBlockquote().run(),
  clear,
};
const marks = { bold: "bold", italic: "italic", underline: "underline", strike: "strike", numbered: "orderedList", bulleted: "bulletList", quote: "blockquote", link: "link" };

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const asParagraphs = (text) => text.split("\n").map((line) => `<p>${escape(line)}</p>`).join("");
const asText = (html) => new DOMParser().parseFromString(html.replace(/<\/p>|<br\s*\/?>/g, "\n"), "text/html").body.textContent.trimEnd();

/* What other programs say in styles is said in elements; the styles themselves, and pictures from elsewhere, stay out.
   The page's policy would block style attributes even here, so they are renamed before anything is parsed. */
const SPOKEN = [[/font-weight\s*:\s*(bold|[6-9]00)/, "strong"], [/font-style\s*:\s*italic/, "em"], [/text-decoration[^:;]*:[^;]*underline/, "u"], [/text-decoration[^:;]*:[^;]*line-through/, "s"]];

function plainPaste(html) {
  const page = new DOMParser().parseFromString(html.replace(/(<[a-z][^<>]*?\s)style(\s*=)/gi, "$1data-style$2"), "text/html");
  for (const element of page.querySelectorAll("img, style, script, meta, link, title")) element.remove();
  for (const element of page.querySelectorAll("[data-style]")) {
    const style = element.dataset.style;
    element.removeAttribute("data-style");
    if (/^(B|STRONG)$/.test(element.tagName) && /font-weight\s*:\s*(normal|[1-5]00)/.test(style)) { element.replaceWith(...element.childNodes); continue; }
    if (!/^(SPAN|FONT|A)$/.test(element.tagName)) continue;
    for (const [sign, tag] of SPOKEN) {
      if (!sign.test(style) || (tag === "u" && element.tagName === "A")) continue;
      const mark = page.createElement(tag);
      mark.append(...element.childNodes);
      element.append(mark);
    }
  }
  return page.body.innerHTML;
}

export class Body {
  /** `root` is the compose window; `changed()` after each edit; `files(list, inText)` takes pasted and dropped files. */
  constructor(root, { html, changed, files }) {
    Object.assign(this, { root, changed, files, editor: null });
    this.place = root.querySelector('[data-part="editor"]');
    this.plain = this.place.querySelector("textarea");
    this.bar = root.querySelector(".compose-format");
    this.link = root.querySelector(".compose-link");
    this.initial = html ?? "";
    this.plain.value = asText(this.initial);
    this.plain.addEventListener("input", () => { this.typed = true; changed(); });
    this.listen();
    this.ready = loadEditor().then((kit) => this.start(kit)).catch(() => { /* offline: the plain box stays */ });
  }

  start(kit) {
    if (!this.root.isConnected) return;
    const focused = document.activeElement === this.plain;
    const content = this.typed ? asParagraphs(this.plain.value) : this.initial;
    this.plain.remove();
    this.editor = new kit.Editor({
      element: this.place,
      injectCSS: false,  // the page's policy allows no style elements; the few rules stand in compose.css
      enableInputRules: false,
      extensions: extensions(kit, () => this.askForLink()),
      content,
      editorProps: {
        attributes: { role: "textbox", "aria-multiline": "true", "aria-label": this.plain.getAttribute("aria-label"), dir: "auto" },
        transformPastedHTML: plainPaste,
        handlePaste: (_view, event) => this.paste(event),
      },
      onUpdate: () => this.changed(),
      onTransaction: () => this.showMarks(),
    });
    if (focused) this.focus(this.typed ? "end" : "start");
    this.showMarks();
  }

  get html() {
    if (this.editor) return this.editor.isEmpty ? "" : this.editor.getHTML();
    return this.typed ? asParagraphs(this.plain.value) : this.initial;
  }

  get text() { return this.editor ? this.editor.getText({ blockSeparator: "\n" }) : this.plain.value; }

  focus(where = null) {
    if (this.editor) this.editor.commands.focus(where);
    else this.plain.focus();
  }

  insertPicture(url) {
    this.editor?.chain().focus().setImage({ src: url, alt: "" }).run();
  }

  paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || event.clipboardData.types.includes("text/html")) return false;
    this.files(files, true);
    return true;
  }

  run(name) {
    if (name === "link") this.askForLink();
    else if (this.editor) commands[name]?.(this.editor);
  }

  /* --- toolbar and link --- */
  listen() {
    this.bar.addEventListener("pointerdown", (event) => event.preventDefault());  // the text keeps the selection
    this.bar.addEventListener("click", (event) => { const button = event.target.closest("[data-format]"); if (button) this.run(button.dataset.format); });
    this.link.addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); this.setLink(); });
    this.link.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); this.asking = false; this.link.hidden = true; this.focus(); } });
    this.link.addEventListener("focusout", (event) => { if (!this.link.contains(event.relatedTarget)) { this.asking = false; this.showMarks(); } });
  }

  showMarks() {
    if (!this.editor || this.editor.isDestroyed) return;
    for (const button of this.bar.children) {
      const mark = marks[button.dataset.format];
      if (mark) button.setAttribute("aria-pressed", this.editor.isActive(mark));
    }
    const href = this.editor.isActive("link") ? this.editor.getAttributes("link").href ?? "" : "";
    if (this.asking) return;
    this.link.hidden = !href || !this.editor.isFocused;
    if (href) this.showLink(href);
  }

  showLink(href) {
    this.link.querySelector("input").value = href;
    const open = this.link.querySelector("a");
    open.hidden = !/^(https?|mailto|tel):/i.test(href);
    if (!open.hidden) open.href = href;
    this.link.querySelector('[data-do="unlink"]').hidden = !href;
  }

  askForLink() {
    if (!this.editor) return;
    const { from, to } = this.editor.state.selection;
    const selected = this.editor.state.doc.textBetween(from, to, " ");
    const href = this.editor.getAttributes("link").href ?? (/^(https?:\/\/|www\.)\S+$/i.test(selected) ? selected : "");
    this.asking = true;
    this.showLink(href);
    this.link.querySelector('[data-do="unlink"]').hidden = !this.editor.isActive("link");
    this.link.hidden = false;
    const input = this.link.querySelector("input");
    input.focus();
    input.select();
  }

  setLink() {
    let href = this.link.querySelector("input").value.trim();
    this.asking = false;
    if (!href) return this.unlink();
    if (/^[^\s@:/]+@[^\s@]+$/.test(href)) href = `mailto:${href}`;
    else if (!/^(https?|mailto|tel):/i.test(href)) href = `https://${href.replace(/^\/+/, "")}`;
    const chain = this.editor.chain().focus().extendMarkRange("link");
    if (this.editor.state.selection.empty && !this.editor.isActive("link")) chain.insertContent({ type: "text", text: href.replace(/^mailto:/, ""), marks: [{ type: "link", attrs: { href } }] });
    else chain.setLink({ href });
    chain.run();
    this.link.hidden = true;
  }

  unlink() {
    this.asking = false;
    this.editor?.chain().focus().extendMarkRange("link").unsetLink().run();
    this.link.hidden = true;
  }

  destroy() { this.editor?.destroy(); }
}
