// The desk works without this script: buttons move picks and each click saves. The script adds dragging, a count under the
// subject, and a warning before typed words are left behind.
"use strict";

const form = document.querySelector("[data-desk-form]");
const list = document.querySelector("[data-desk-picks]");

if (form) {
  let isChanged = false;
  form.addEventListener("input", () => { isChanged = true; });
  form.addEventListener("submit", () => { isChanged = false; });
  window.addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });

  for (const field of form.querySelectorAll("[data-count-to]")) {
    const hint = document.getElementById(field.getAttribute("aria-describedby"));
    const words = hint.textContent;
    const show = () => { hint.textContent = `${words} (${[...field.value].length})`; };
    field.addEventListener("input", show);
    show();
  }
}

if (form && list && form.querySelector("[value^='up:']")) {
  let dragged = null;
  for (const item of list.querySelectorAll("[data-pick]")) {
    item.querySelector(".desk-pick-title").draggable = true;
    item.addEventListener("dragstart", (event) => {
      dragged = item;
      item.classList.add("is-dragged");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", item.dataset.pick);
    });
    item.addEventListener("dragover", (event) => {
      if (!dragged || dragged === item) return;
      event.preventDefault();
      const box = item.getBoundingClientRect();
      item[event.clientY < box.top + box.height / 2 ? "before" : "after"](dragged);
    });
    item.addEventListener("dragend", () => {
      item.classList.remove("is-dragged");
      dragged = null;
      const order = [...list.querySelectorAll("[data-pick]")].map((one) => one.dataset.pick).join(",");
      const button = document.createElement("button");
      button.name = "act";
      button.value = `order:${order}`;
      button.hidden = true;
      form.append(button);
      form.requestSubmit(button);
    });
  }
}
