// What can be said about text, for the editor of static/js/compose-editor.js: marks, blocks, keys, and what is left of
// HTML that is pasted. Sizes, colours, alignment and indents are names (data-ink="red"), which compose.css shows in both
// themes and webmail/own_styles.py turns into the inline styles that mail programs know.

const OPEN = { openOnClick: false, autolink: true, linkOnPaste: true, defaultProtocol: "https", protocols: ["mailto", "tel"] };
const SIZES = ["small", "", "large", "huge"];
const DEEPEST = 8;

const named = (kit, name) => kit.Mark.create({
  name,
  addAttributes: () => ({ value: { default: null, parseHTML: (element) => element.dataset[name] ?? null, renderHTML: ({ value }) => (value ? { [`data-${name}`]: value } : {}) } }),
  parseHTML: () => [{ tag: `span[data-${name}]`, consuming: false }],
  renderHTML: ({ HTMLAttributes }) => ["span", HTMLAttributes, 0],
});

const blocks = (kit) => kit.Extension.create({
  name: "mailBlocks",
  addGlobalAttributes: () => [{
    types: ["paragraph"],
    attributes: {
      align: { default: null, parseHTML: (element) => element.dataset.align ?? null, renderHTML: ({ align }) => (align ? { "data-align": align } : {}) },
      indent: { default: 0, parseHTML: (element) => Number(element.dataset.indent ?? 0), renderHTML: ({ indent }) => (indent ? { "data-indent": indent } : {}) },
    },
  }],
});

/** `asks` has {link(), leave()}: the link bar, and where Tab leads. */
export function extensions(kit, placeholder, asks) {
  const { Document, Paragraph, Text, HardBreak, Bold, Italic, Underline, Strike, BulletList, OrderedList, ListItem, Blockquote, Link, Image, UndoRedo, Placeholder, Dropcursor, Extension } = kit;
  const keys = Extension.create({
    name: "mailKeys",
    addKeyboardShortcuts() {
      const run = (name, value) => () => { commands[name](this.editor, value); return true; };
      return {
        "Mod-Shift-9": run("quote"), "Alt-Shift-5": run("strike"), "Mod-\\": run("clear"), "Mod-[": run("less"), "Mod-]": run("indent"),
        "Mod-Shift-l": run("align", "start"), "Mod-Shift-e": run("align", "center"), "Mod-Shift-r": run("align", "end"),
        "Mod-k": () => { asks.link(); return true; },
      };
    },
  });
  const last = Extension.create({ name: "mailTab", priority: 1, addKeyboardShortcuts: () => ({ Tab: () => { asks.leave(); return true; } }) });
  const OurLink = Link.extend({ addKeyboardShortcuts: () => ({}) });
  return [Document, Paragraph, Text, HardBreak, named(kit, "size"), named(kit, "shade"), named(kit, "ink"), Bold, Italic, Underline, Strike, BulletList, OrderedList, ListItem, Blockquote, blocks(kit),
    OurLink.configure(OPEN), Image.configure({ inline: true, allowBase64: false }), UndoRedo, Placeholder.configure({ placeholder }), Dropcursor, keys, last];
}

const mark = (name) => (editor, value) => { const chain = editor.chain().focus(); (value ? chain.setMark(name, { value }) : chain.unsetMark(name)).run(); };
const deepen = (by) => (editor) => {
  const chain = editor.chain().focus();
  if (editor.isActive("listItem")) (by > 0 ? chain.sinkListItem("listItem") : chain.liftListItem("listItem")).run();
  else chain.updateAttributes("paragraph", { indent: Math.min(DEEPEST, Math.max(0, (editor.getAttributes("paragraph").indent ?? 0) + by)) }).run();
};

export const commands = {
  undo: (editor) => editor.chain().focus().undo().run(),
  redo: (editor) => editor.chain().focus().redo().run(),
  bold: (editor) => editor.chain().focus().toggleBold().run(),
  italic: (editor) => editor.chain().focus().toggleItalic().run(),
  underline: (editor) => editor.chain().focus().toggleUnderline().run(),
  strike: (editor) => editor.chain().focus().toggleStrike().run(),
  numbered: (editor) => editor.chain().focus().toggleOrderedList().run(),
  bulleted: (editor) => editor.chain().focus().toggleBulletList().run(),
  quote: (editor) => editor.chain().focus().toggleBlockquote().run(),
  clear: (editor) => editor.chain().focus().unsetAllMarks().clearNodes().updateAttributes("paragraph", { align: null, indent: 0 }).run(),
  size: mark("size"), ink: mark("ink"), shade: mark("shade"),
  align: (editor, value) => editor.chain().focus().updateAttributes("paragraph", { align: value === "start" ? null : value }).run(),
  indent: deepen(1), less: deepen(-1),
  /** One size up or down. */
  grow: (editor, by) => {
    const now = SIZES.indexOf(editor.getAttributes("size").value ?? "");
    commands.size(editor, SIZES[Math.min(SIZES.length - 1, Math.max(0, now + by))]);
  },
};

const ACTIVE = { bold: "bold", italic: "italic", underline: "underline", strike: "strike", numbered: "orderedList", bulleted: "bulletList", quote: "blockquote" };

/** Whether a button of the bar, or a choice of its menus, says what holds where the caret is; null when it says nothing. */
export function isOn(editor, { format, value }) {
  if (ACTIVE[format]) return editor.isActive(ACTIVE[format]);
  if (["size", "ink", "shade"].includes(format)) return (editor.getAttributes(format).value ?? "") === value;
  if (format === "align") return (editor.getAttributes("paragraph").align ?? "start") === value;
  return null;
}

/* --- text and HTML ------------------------------------------------------------------------------------------- */
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
export const asParagraphs = (text) => text.split("\n").map((line) => `<p>${escape(line)}</p>`).join("");
export const asText = (html) => new DOMParser().parseFromString(html.replace(/<\/p>|<br\s*\/?>/g, "\n"), "text/html").body.textContent.trimEnd();
/** The page's policy would block style attributes even while they are parsed. */
export const withoutStyles = (html) => html.replace(/(<[a-z][^<>]*?\s)style(\s*=)/gi, "$1data-style$2");

/* What other programs say in styles is said in elements; the styles themselves, and pictures from elsewhere, stay out. */
const SPOKEN = [[/font-weight\s*:\s*(bold|[6-9]00)/, "strong"], [/font-style\s*:\s*italic/, "em"], [/text-decoration[^:;]*:[^;]*underline/, "u"], [/text-decoration[^:;]*:[^;]*line-through/, "s"]];
const OWN_FILE = /^\/mail\/compose\/\d+\/files\/\d+\/$/;

export function plainPaste(html) {
  const page = new DOMParser().parseFromString(withoutStyles(html), "text/html");
  for (const element of page.querySelectorAll("style, script, meta, link, title")) element.remove();
  for (const picture of page.querySelectorAll("img")) if (!OWN_FILE.test(picture.getAttribute("src")?.replace(location.origin, "") ?? "")) picture.remove();
  for (const element of page.querySelectorAll("[data-style]")) {
    const style = element.dataset.style;
    element.removeAttribute("data-style");
    if (/^(B|STRONG)$/.test(element.tagName) && /font-weight\s*:\s*(normal|[1-5]00)/.test(style)) { element.replaceWith(...element.childNodes); continue; }
    if (!/^(SPAN|FONT|A)$/.test(element.tagName)) continue;
    for (const [sign, tag] of SPOKEN) {
      if (!sign.test(style) || (tag === "u" && element.tagName === "A")) continue;
      const made = page.createElement(tag);
      made.append(...element.childNodes);
      element.append(made);
    }
  }
  return page.body.innerHTML;
}

/** Whether pasted HTML is nothing but pictures, as a browser puts it beside a picture that was copied. */
export const isOnlyPictures = (html) => {
  const page = new DOMParser().parseFromString(withoutStyles(html), "text/html");
  return !page.body.textContent.trim() && Boolean(page.querySelector("img"));
};
