// Outputs that start with a verdict (a claim's ✓ or an exercise's ✓ or ✗) are sentences:
// the style sheet lets them wrap and marks their edge. Without this script they scroll.
document.addEventListener("DOMContentLoaded", () => {
  for (const pre of document.querySelectorAll(".cell_output .stream pre")) {
    const [, sign] = pre.textContent.match(/^([✓✗]) [CE]\d\d\.\d/) ?? [];
    if (sign) pre.closest(".output").classList.add("verdict", sign === "✓" ? "held" : "open");
  }
});
