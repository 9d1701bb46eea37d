import { html, type TemplateResult } from "lit";

/** Draws an icon of the sprite whose address the page names. */
export function icon(name: string, className = ""): TemplateResult {
  const sprite = document.body.dataset.icons ?? "";
  return html`<svg class="icon ${className}" aria-hidden="true"><use href="${sprite}#${name}"></use></svg>`;
}
