const NEAR_END_PX = 80;

/** Keeps the reader's place in the history: at the end while new messages come, on the same message otherwise. */
export class ScrollKeeper {
  isAtEnd = true;
  private anchor: { key: string; top: number } | null = null;

  constructor(private readonly box: HTMLElement) {}

  /** Call on every scroll. */
  look(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.box;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  /** Call before the history changes. */
  remember(): void {
    this.anchor = null;
    if (this.isAtEnd) return;
    const top = this.box.getBoundingClientRect().top;
    for (const row of this.rows()) {
      const box = row.getBoundingClientRect();
      if (box.bottom > top) {
        this.anchor = { key: row.dataset.seq ?? "", top: box.top };
        return;
      }
    }
  }

  /** Call after the history changed. */
  restore(): void {
    if (this.isAtEnd) {
      this.box.scrollTop = this.box.scrollHeight;
      return;
    }
    const { anchor } = this;
    const row = anchor && this.box.querySelector<HTMLElement>(`[data-seq="${anchor.key}"]`);
    if (anchor && row) this.box.scrollTop += row.getBoundingClientRect().top - anchor.top;
  }

  toEnd(): void {
    this.isAtEnd = true;
    this.box.scrollTop = this.box.scrollHeight;
  }

  /** Shows the line above the first unread message a little below the top edge. */
  toUnread(): boolean {
    const line = this.box.querySelector<HTMLElement>(".unread");
    if (!line) return false;
    this.box.scrollTop += line.getBoundingClientRect().top - this.box.getBoundingClientRect().top - 48;
    this.look();
    return true;
  }

  get isNearStart(): boolean {
    return this.box.scrollTop < this.box.clientHeight;
  }

  private rows(): NodeListOf<HTMLElement> {
    return this.box.querySelectorAll<HTMLElement>("[data-seq]");
  }
}
