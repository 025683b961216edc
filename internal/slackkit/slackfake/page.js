// Shows what is new. A page that somebody is writing in, or has opened a menu in, is left alone.
"use strict";
setInterval(async () => {
  if (document.hidden || document.querySelector("details[open], .modal")) return;
  const at = document.activeElement;
  if (at && ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName)) return;
  try {
    const answer = await fetch("/version");
    if (answer.ok && (await answer.text()) !== document.documentElement.dataset.version) location.reload();
  } catch {
    // The workspace is closed; the page stays as it was.
  }
}, 1000);
