// The text of a message: Tiptap out of django-prose-editor, with our own toolbar. Until it is loaded, where it cannot
// be, and in plain text mode, a plain box takes the text; what was typed there is carried over.
// The quoted original never comes here by itself: the editor would lose its tables and colours.

import { dock, say } from "./compose-net.js";
import { asParagraphs, asText, commands, extensions, isOn, isOnlyPictures, plainPaste } from "./compose-formats.js";

let loading = null;

/** Loads the editor once; it is some 140 kB on the wire and is wanted only by who writes. */
export function loadEditor() {
  loading ??= import(dock.dataset.editor).catch((error) => { loading = null; throw error; });
  return loading;
}

export class Body {
  /** `root` is the compose window; `changed()` after each edit; `files(list, inText)` takes pasted and dropped files. */
  constructor(root, { html, text, plain = false, changed, files }) {
    Object.assign(this, { root, changed, files, editor: null, isPlain: plain });
    this.place = root.querySelector('[data-part="editor"]');
    this.plain = this.place.querySelector("textarea");
    this.bar = root.querySelector(".compose-format");
    this.link = root.querySelector(".compose-link");
    this.initial = html ?? "";
    this.plain.value = plain ? text ?? asText(this.initial) : asText(this.initial);
    this.plain.addEventListener("input", () => { this.typed = true; changed(); });
    this.plain.addEventListener("keydown", (event) => { if (event.key === "Tab" && !event.shiftKey) { event.preventDefault(); this.leave(); } });
    this.plain.addEventListener("paste", (event) => this.paste(event) && event.preventDefault());
    this.listen();
    this.showPlain();
    this.ready = plain ? Promise.resolve() : loadEditor().then((kit) => this.start(kit)).catch(() => { /* offline: the plain box stays */ });
  }

  start(kit) {
    if (!this.root.isConnected || this.isPlain || this.editor) return;
    const focused = document.activeElement === this.plain;
    const content = this.typed ? asParagraphs(this.plain.value) : this.initial;
    this.plain.remove();
    this.editor = new kit.Editor({
      element: this.place,
      injectCSS: false,  // the page's policy allows no style elements; the few rules stand in compose.css
      enableInputRules: false,
      extensions: extensions(kit, say("placeholder"), { link: () => this.askForLink(), leave: () => this.leave() }),
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
    return this.typed || this.isPlain ? (this.plain.value.trim() ? asParagraphs(this.plain.value) : "") : this.initial;
  }

  get text() { return this.editor ? this.editor.getText({ blockSeparator: "\n" }) : this.plain.value; }

  /** At once: the editor's own command waits for a frame, and then takes the focus from where somebody went meanwhile. */
  focus(where = null) {
    if (this.editor) {
      const { state, view } = this.editor, kind = state.selection.constructor;
      const change = where ? state.tr.setSelection(where === "end" ? kind.atEnd(state.doc) : kind.atStart(state.doc)) : state.tr;
      view.focus();
      return view.dispatch(change.scrollIntoView());
    }
    this.plain.focus();
    if (where) { const at = where === "end" ? this.plain.value.length : 0; this.plain.setSelectionRange(at, at); }
  }

  /** Where Tab leads: to the button that sends. */
  leave() { [...this.root.querySelectorAll('[data-do="send"]')].find((button) => button.offsetParent)?.focus(); }

  insertPicture(url) {
    this.editor?.chain().focus().setImage({ src: url, alt: "" }).run();
  }

  /** Puts a piece of text where the caret is. */
  insertText(text) {
    if (this.editor) return void this.editor.chain().focus().insertContent({ type: "text", text }).run();
    this.plain.focus();
    this.plain.setRangeText(text, this.plain.selectionStart, this.plain.selectionEnd, "end");
    this.plain.dispatchEvent(new Event("input"));
  }

  insertHtml(html, { atEnd = false } = {}) {
    if (!this.editor) return this.insertText(asText(html));
    if (atEnd) this.editor.chain().insertContentAt(this.editor.state.doc.content.size, plainPaste(html)).run();
    else this.editor.chain().focus().insertContent(plainPaste(html)).run();
  }

  /** Plain text mode on, with `text` instead of what stands there; or off, with `html`. */
  async setPlain(on, { text = this.text, html = asParagraphs(this.text) } = {}) {
    if (on === this.isPlain) return;
    this.isPlain = on;
    if (on) {
      this.editor?.destroy();
      this.editor = null;
      this.place.replaceChildren(this.plain);
      this.plain.value = text;
      this.typed = true;
    } else {
      this.initial = html;
      this.typed = false;
      this.start(await loadEditor());
    }
    this.showPlain();
    this.changed();
    this.focus("end");
  }

  showPlain() {
    this.root.classList.toggle("plain", this.isPlain);
    this.link.hidden = true;
  }

  paste(event) {
    const data = event.clipboardData, files = [...(data?.files ?? [])];
    if (!files.length || (data.types.includes("text/html") && !isOnlyPictures(data.getData("text/html")))) return false;
    this.files(files, true);
    return true;
  }

  run(name, value) {
    if (name === "link") this.askForLink();
    else if (this.editor) commands[name]?.(this.editor, value);
  }

  /* --- toolbar and link --- */
  listen() {
    this.root.addEventListener("pointerdown", (event) => { if (event.target.closest("[data-format], .compose-format")) event.preventDefault(); });  // the text keeps the selection
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-format]");
      if (!button) return;
      const { editor } = this, marked = editor?.state.selection;
      button.closest("[popover]")?.hidePopover();  // which gives the focus back, but not always what was marked
      editor?.view.dispatch(editor.state.tr.setSelection(marked));
      this.run(button.dataset.format, button.dataset.value);
    });
    this.link.addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); this.setLink(); });
    this.link.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); this.asking = false; this.link.hidden = true; this.focus(); } });
    this.link.addEventListener("focusout", (event) => { if (!this.link.contains(event.relatedTarget)) { this.asking = false; this.showMarks(); } });
  }

  showMarks() {
    if (!this.editor || this.editor.isDestroyed) return;
    for (const button of this.root.querySelectorAll("[data-format]")) {
      const on = isOn(this.editor, button.dataset);
      if (on !== null) button.setAttribute(button.role === "menuitemradio" ? "aria-checked" : "aria-pressed", on);
    }
    const href = this.editor.isActive("link") ? this.editor.getAttributes("link").href ?? "" : "";
    if (this.asking) return;
    if (href && this.editor.isFocused) { this.showLink(href); this.link.hidden = false; }
    else if (!href) this.link.hidden = true;
    else setTimeout(() => { if (!this.editor?.isFocused && !this.link.contains(document.activeElement)) this.link.hidden = true; });  // unless the focus goes there
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
