// What this paper adds to the editor: pictures of the image library with their captions, notes, and pasting that goes
// through the server's own rules. newsroom/sanitising.py and newsroom/prose.py say what becomes of them.
import { Mark, Node, Extension, Plugin, crel, gettext } from "django-prose-editor/editor";

const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

async function post(address, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("csrfmiddlewaretoken", token());
  return fetch(address, { method: "POST", body, redirect: "manual" });
}

// Pictures

function field(label, name, attributes = {}) {
  return crel("p", {}, [crel("label", {}, [label, crel("input", { name, ...attributes })])]);
}

// Ask for a picture: one of the library, or a new one. Resolves to what the server tells of it, or to null.
function choosePicture(library, file = null) {
  return new Promise((resolve) => {
    const search = crel("input", { type: "search", "aria-label": gettext("Search in the library") });
    const found = crel("div", { className: "library-found" });
    const words = crel("p", { role: "status", className: "library-words" });
    const chooser = crel("input", { type: "file", name: "upload", accept: "image/jpeg,image/png,image/webp", required: true });
    const send = crel("button", { type: "submit", textContent: gettext("Upload and place") });
    const upload = crel("form", { className: "library-upload" }, [
      crel("p", {}, [crel("label", {}, [gettext("File"), chooser])]),
      field(gettext("Description for those who cannot see it"), "alt", { maxLength: 300 }),
      field(gettext("Caption"), "caption", { maxLength: 500 }),
      field(gettext("Credit"), "credit", { maxLength: 200 }),
      send,
    ]);
    const close = crel("button", { type: "button", textContent: gettext("Close") });
    const dialog = crel("dialog", { className: "prose-editor-dialog library", "aria-label": gettext("Place a picture") }, [
      crel("h3", { textContent: gettext("A new picture") }), upload, words,
      crel("h3", { textContent: gettext("From the library") }), search, found, close,
    ]);
    let answer = null;
    let asked = 0;

    const take = (image) => { answer = image; dialog.close(); };

    const show = async () => {
      const turn = ++asked;
      const response = await fetch(`${library}?q=${encodeURIComponent(search.value)}`, { redirect: "manual" }).catch(() => null);
      if (turn !== asked) return;
      if (!response?.ok) { words.textContent = gettext("The library does not answer."); return; }
      const { images } = await response.json();
      found.replaceChildren(...images.map((image) => {
        const label = image.alt || image.caption || gettext("No description");
        const button = crel("button", { type: "button", title: label }, [crel("img", { src: image.small, alt: label, loading: "lazy" })]);
        button.addEventListener("click", () => take(image));
        return button;
      }));
      if (!images.length) found.textContent = gettext("Nothing found.");
    };

    let waiting;
    search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 300); });
    upload.addEventListener("submit", async (event) => {
      event.preventDefault();
      send.disabled = true;
      words.textContent = gettext("Uploading …");
      const response = await post(library, Object.fromEntries(new FormData(upload))).catch(() => null);
      send.disabled = false;
      const told = response && response.headers.get("content-type")?.startsWith("application/json") ? await response.json() : {};
      if (told.image) take(told.image);
      else words.textContent = told.errors?.join(" ") || gettext("The upload was refused. Are you still logged in?");
    });
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    // Outside the article's form, because a form may not hold another.
    document.body.append(dialog);
    if (file) {
      const files = new DataTransfer();
      files.items.add(file);
      chooser.files = files.files;
    }
    dialog.showModal();
    show();
  });
}

export const Picture = Node.create({
  name: "picture",
  group: "block",
  content: "inline*",
  marks: "bold italic strike subscript superscript code link",
  draggable: true,
  isolating: true,

  addOptions() {
    return { library: "" };
  },

  addAttributes() {
    return {
      image: {
        default: null,
        parseHTML: (element) => element.dataset.image,
        renderHTML: (attributes) => ({ "data-image": attributes.image }),
      },
    };
  },

  parseHTML() {
    return [{
      tag: "figure[data-image]",
      contentElement: (element) => element.querySelector("figcaption") ?? document.createElement("figcaption"),
    }];
  },

  renderHTML({ HTMLAttributes }) {
    return ["figure", HTMLAttributes, ["figcaption", 0]];
  },

  addNodeView() {
    const base = new URL("../", new URL(this.options.library, location.href));
    return ({ node }) => {
      const number = Number(node.attrs.image);
      const contentDOM = crel("figcaption", { "data-hint": gettext("Caption") });
      const edit = crel("a", {
        href: new URL(`${number}/change/`, base).href, target: "_blank", textContent: gettext("Description, credit, focal point"),
      });
      const shown = crel("div", { contentEditable: "false" }, [
        crel("img", { src: new URL(`${number}/small/`, base).href, alt: "" }), edit,
      ]);
      return { dom: crel("figure", {}, [shown, contentDOM]), contentDOM };
    };
  },

  addCommands() {
    return {
      placePicture: (file = null) => ({ editor }) => {
        choosePicture(this.options.library, file).then((image) => {
          if (!image) { editor.commands.focus(); return; }
          const content = image.caption ? [{ type: "text", text: image.caption }] : [];
          editor.chain().focus().insertContent({ type: this.name, attrs: { image: String(image.id) }, content }).run();
        });
        return true;
      },
    };
  },

  addMenuItems({ buttons, menu }) {
    menu.defineItem({
      name: this.name,
      groups: "nodes",
      button: buttons.material("image", gettext("Picture")),
      option: crel("p", { textContent: gettext("Picture") }),
      active: (editor) => editor.isActive(this.name),
      command: (editor) => editor.commands.placePicture(),
    });
  },

  addProseMirrorPlugins() {
    const { editor } = this;
    const pictureOf = (data) => [...(data?.files ?? [])].find((file) => file.type.startsWith("image/"));
    const take = (view, event, data) => {
      const file = pictureOf(data);
      // A word processor puts a drawing of the text beside the text.
      if (!file || data.types.includes("text/html")) return false;
      event.preventDefault();
      editor.commands.placePicture(file);
      return true;
    };
    return [new Plugin({
      props: {
        handlePaste: (view, event) => take(view, event, event.clipboardData),
        handleDrop: (view, event) => take(view, event, event.dataTransfer),
      },
    })];
  },
});

// Notes: the marked words leave the line, and a sign leads to them.

export const FootNote = Mark.create({
  name: "footNote",
  // Outermost, so that emphasis and links stand in one note and do not make several of it.
  priority: 1100,
  inclusive: false,
  excludes: "footNote",

  parseHTML() {
    return [{ tag: "foot-note" }];
  },

  renderHTML() {
    return ["foot-note", 0];
  },

  addKeyboardShortcuts() {
    return { "Mod-Alt-f": () => this.editor.commands.toggleMark(this.name) };
  },

  addMenuItems({ buttons, menu }) {
    const button = buttons.text(gettext("Note"));
    button.title = gettext("Make the marked words a footnote (Ctrl+Alt+F)");
    menu.defineItem({
      name: this.name,
      groups: "marks",
      priority: 10,
      button,
      active: (editor) => editor.isActive(this.name),
      enabled: (editor) => editor.can().toggleMark(this.name),
      command: (editor) => editor.chain().focus().toggleMark(this.name).run(),
    });
  },
});

// Pasting: what other programs wrote is tidied by the server, which knows what Word and Google Docs mean by it.

export const TidyPaste = Extension.create({
  name: "tidyPaste",

  addOptions() {
    return { address: "" };
  },

  addProseMirrorPlugins() {
    const { address } = this.options;
    return [new Plugin({
      props: {
        handlePaste(view, event) {
          const html = event.clipboardData?.getData("text/html");
          // The editor's own clipboard needs no help.
          if (!html || html.includes("data-pm-slice")) return false;
          post(address, { html })
            .then((response) => (response.ok ? response.json() : { html }))
            .catch(() => ({ html }))
            .then((tidy) => view.pasteHTML(tidy.html));
          return true;
        },
      },
    })];
  },
});
