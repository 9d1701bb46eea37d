import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { Message } from "../socket/protocol.ts";
import { icon } from "./icons.ts";

const COUNT_FROM = 3600;
const GROWS_BY_ITSELF = CSS.supports("field-sizing", "content");
const isTouch = matchMedia("(pointer: coarse)");

/** Counts the way the server does, by code points: an emoji is one character, not two. */
export function textLength(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/**
 * Where messages are written. Fires `write` with the text, `save` with the new text of `editing`, `cancel`, and
 * `edit-last` when somebody presses the up arrow in an empty field.
 */
export class Composer extends LitElement {
  static override properties = {
    room: { type: String },
    limit: { type: Number },
    editing: { attribute: false },
    closedReason: { attribute: false },
    isPassing: { attribute: false },
    hint: { attribute: false },
    text: { state: true },
  };

  declare room: string;
  declare limit: number;
  declare editing: Message | null;
  /** Why nothing can be written now, or "". */
  declare closedReason: string;
  /** True where that will pass by itself. */
  declare isPassing: boolean;
  declare hint: string;
  declare text: string;

  private setAside = "";

  constructor() {
    super();
    this.limit = 4000;
    this.editing = null;
    this.closedReason = "";
    this.isPassing = false;
    this.hint = "";
    this.text = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.text = sessionStorage.getItem(this.storageKey) ?? "";
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("editing")) return;
    const before = changed.get("editing") as Message | null | undefined;
    if (this.editing) {
      if (!before) this.setAside = this.text;
      this.text = this.editing.text;
    } else if (before) {
      this.text = this.setAside;
    }
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("editing") && this.editing) this.focusField();
    if (GROWS_BY_ITSELF || !this.field) return;
    this.field.style.blockSize = "auto";
    this.field.style.blockSize = `${this.field.scrollHeight + 2}px`;
  }

  focusField(): void {
    this.field?.focus();
  }

  private get field(): HTMLTextAreaElement | null {
    return this.querySelector("textarea");
  }

  private get storageKey(): string {
    return `pavilion.writing.${this.room}`;
  }

  private get canSend(): boolean {
    return !this.closedReason && this.text.trim() !== "" && textLength(this.text.trim()) <= this.limit;
  }

  protected override render(): TemplateResult {
    if (this.closedReason) return this.closedView();
    const length = this.text.length >= COUNT_FROM ? textLength(this.text.trim()) : 0;
    return html`<form class="composer" @submit=${this.onSubmit}>
      ${this.noteView(length)}
      <div class="composer__row">
        <textarea class="composer__input" name="text" rows="1" dir="auto" enterkeyhint=${isTouch.matches ? "enter" : "send"}
          aria-label=${this.editing ? "Edit your message" : "Write a message"}
          placeholder="Write a message"
          .value=${this.text} @input=${this.onInput} @keydown=${this.onKey}></textarea>
        <button class="icon-button composer__send" aria-label=${this.editing ? "Save the change" : "Send"}
          aria-disabled=${!this.canSend} @pointerdown=${keepKeyboard}>${icon(this.editing ? "check" : "send")}</button>
      </div>
    </form>`;
  }

  /** What was half written stays in `text`, for the moment when writing is possible again. */
  private closedView(): TemplateResult {
    return html`<p class="composer__closed" role="status">${icon(this.isPassing ? "clock" : "lock")}
      <span>${this.closedReason}</span></p>`;
  }

  private noteView(length: number): TemplateResult | typeof nothing {
    const note = this.editing ? "Editing your message" : this.hint;
    if (!note && !length) return nothing;
    return html`<div class="composer__note ${this.editing ? "composer__note--lamp" : ""}">
      <span>${note}</span>
      ${
        length
          ? html`<span class="composer__count ${length > this.limit ? "composer__count--over" : ""}" aria-live="polite">
              ${length} / ${this.limit}</span>`
          : nothing
      }
      ${
        this.editing
          ? html`<button type="button" class="button button--text button--small" @click=${this.cancel}>Cancel</button>`
          : nothing
      }
    </div>`;
  }

  private onInput(event: Event): void {
    this.text = (event.target as HTMLTextAreaElement).value;
    // What was half written survives a reload, too; an edit does not.
    if (!this.editing) sessionStorage.setItem(this.storageKey, this.text);
  }

  private onKey(event: KeyboardEvent): void {
    // Enter that ends the composition of a character (Japanese, Chinese, Korean) sends nothing.
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !isTouch.matches) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && this.editing) {
      this.cancel();
    } else if (event.key === "ArrowUp" && this.text === "" && !this.editing) {
      if (!this.dispatchEvent(new CustomEvent("edit-last", { cancelable: true }))) event.preventDefault();
    }
  }

  private onSubmit(event: Event): void {
    event.preventDefault();
    this.submit();
  }

  private submit(): void {
    if (!this.canSend) return;
    const text = this.text.trim();
    if (this.editing) {
      this.dispatchEvent(new CustomEvent("save", { detail: text }));
      return;
    }
    this.text = "";
    sessionStorage.removeItem(this.storageKey);
    this.dispatchEvent(new CustomEvent("write", { detail: text }));
  }

  private cancel(): void {
    this.dispatchEvent(new CustomEvent("cancel"));
  }
}

// A tap on the button would take the focus from the field and fold the keyboard away between two messages.
function keepKeyboard(event: Event): void {
  event.preventDefault();
}

customElements.define("pavilion-composer", Composer);
