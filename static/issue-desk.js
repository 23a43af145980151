// The desk works without this script: buttons move picks and each click saves. The script adds dragging, a count under the
// subject, a preview that follows the typing, figures that follow the sending, and a warning before words are left behind.
"use strict";

const form = document.querySelector("[data-desk-form]");
const list = document.querySelector("[data-desk-picks]");
const update = document.querySelector("[data-update]");
let isChanged = form !== null && "unsaved" in form.dataset;

if (form) {
  form.addEventListener("input", () => { isChanged = true; });
  form.addEventListener("submit", (event) => {
    if (event.submitter !== update) isChanged = false;
  });
  window.addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });

  for (const field of form.querySelectorAll("[data-count-to]")) {
    const hint = document.getElementById(field.getAttribute("aria-describedby"));
    const words = hint.textContent;
    const show = () => { hint.textContent = `${words} (${[...field.value].length})`; };
    field.addEventListener("input", show);
    show();
  }
}

// Preview

// The form is sent into a new frame beside the present one, which it replaces when it has loaded: nothing flickers, and the
// browser's way back stays what it was. The frame is opened at the part that is being written.
let turn = 0;

function showPreview(mark) {
  const number = ++turn;
  const present = document.querySelector("[data-preview]");
  const coming = present.cloneNode(false);
  coming.removeAttribute("src");
  coming.name = `desk-preview-${number}`;
  coming.classList.add("is-coming");
  present.after(coming);
  const copy = document.createElement("form");
  copy.method = "post";
  copy.action = mark ? `${update.formAction}#${mark}` : update.formAction;
  copy.target = coming.name;
  copy.hidden = true;
  for (const [name, value] of new FormData(form)) {
    const field = document.createElement("textarea");
    field.name = name;
    field.value = value;
    copy.append(field);
  }
  document.body.append(copy);
  coming.addEventListener("load", () => {
    if (number !== turn) {
      coming.remove();
      return;
    }
    for (const frame of document.querySelectorAll("[data-preview]")) if (frame !== coming) frame.remove();
    coming.classList.remove("is-coming");
    coming.name = "desk-preview";
  });
  copy.submit();
  copy.remove();
}

async function measure() {
  const number = turn;
  let answer;
  try {
    const response = await fetch(update.dataset.update, { method: "POST", body: new FormData(form) });
    if (!response.ok) return;
    answer = await response.json();
  } catch {
    // Without an answer the figures stay as they are; the next key asks again.
    return;
  }
  if (number !== turn) return;
  document.querySelector("[data-size-words]").textContent = answer.words;
  document.getElementById("size").value = answer.share;
  document.querySelector("[data-size-warning]").hidden = !answer.is_near_limit;
  const findings = document.querySelector("[data-findings]");
  if (!findings) return;
  const lines = answer.findings.map((finding) => {
    const line = document.createElement("li");
    line.className = finding.is_obstacle ? "obstacle" : "advice";
    if (finding.is_obstacle) {
      const needed = document.createElement("strong");
      needed.textContent = findings.dataset.needed;
      line.append(needed, " ");
    }
    line.append(finding.text);
    return line;
  });
  if (!lines.length) {
    const line = document.createElement("li");
    line.textContent = findings.dataset.nothing;
    lines.push(line);
  }
  findings.replaceChildren(...lines);
}

if (form && update) {
  let waiting = 0;
  const follow = (mark, delay) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { showPreview(mark); measure(); }, delay);
  };
  form.addEventListener("input", (event) => { follow(event.target.dataset.mark, 500); });
  for (const look of document.querySelectorAll("[name=look]")) {
    look.addEventListener("change", () => { follow(undefined, 0); });
  }
  // The browser keeps a choice over a reload, and the page that was loaded knows nothing of it.
  if (isChanged || form.elements.look.value !== "light") follow(undefined, 0);
}

// Order

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

// After a button moved a pick the page is new; the hand on the keyboard stays on that button.
const KEPT_FOCUS = "issue-desk-focus";
if (form) {
  form.addEventListener("submit", (event) => {
    const act = event.submitter?.value ?? "";
    if (/^(up|down):/.test(act)) sessionStorage.setItem(KEPT_FOCUS, act);
  });
  const kept = sessionStorage.getItem(KEPT_FOCUS);
  sessionStorage.removeItem(KEPT_FOCUS);
  if (kept) {
    const button = form.querySelector(`[value="${CSS.escape(kept)}"]`);
    const other = kept.startsWith("up:") ? kept.replace("up:", "down:") : kept.replace("down:", "up:");
    (button?.disabled ? form.querySelector(`[value="${CSS.escape(other)}"]`) : button)?.focus();
  }
}

// Progress

const progress = document.querySelector("[data-progress]");
if (progress?.querySelector("[data-state='sending']")) {
  const look = async () => {
    if (!document.hidden) {
      try {
        const response = await fetch(progress.dataset.progress);
        if (response.ok && !response.redirected) progress.innerHTML = await response.text();
      } catch {
        // The figures stay as they are until the next look.
      }
    }
    const isSending = progress.querySelector("[data-state='sending']");
    if (isSending) setTimeout(look, 4000);
    else if (!isChanged) location.reload();
  };
  setTimeout(look, 4000);
}
