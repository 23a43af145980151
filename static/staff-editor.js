// The editor builds its own text field without a name. Give it the name of the label that belongs to the hidden one.
document.addEventListener("prose-editor:ready", (event) => {
  const { editor, textarea } = event.detail;
  const label = document.querySelector(`label[for="${textarea.id}"]`);
  const field = editor.view.dom;
  field.setAttribute("role", "textbox");
  field.setAttribute("aria-multiline", "true");
  if (label) field.setAttribute("aria-label", label.textContent.replace(/:\s*$/, "").trim());
});
