import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { ChatClient } from "../socket/client.ts";
import { ChatError, type Message } from "../socket/protocol.ts";
import "./composer.ts";
import { BANNER_AFTER_MS, bannerView } from "./banner.ts";
import type { Composer } from "./composer.ts";
import { type PageData, RoomFeed } from "./feed.ts";
import { icon } from "./icons.ts";
import { type RowContext, rowView } from "./message-view.ts";
import { countText, peopleView, shareView } from "./panels.ts";
import { ScrollKeeper } from "./scroll.ts";
import { buildTimeline, namesakes } from "./timeline.ts";
import { countdown } from "./times.ts";

const READ_AFTER_MS = 700;
/** A list of a few is worth a fresh look at once; in a crowd it changes all the time. */
const SMALL_ROOM = 30;
const TOAST_MS = 2600;
const wide = matchMedia("(min-width: 64rem)");

type Sheet = "share" | "people";

/** The room, live. Takes over from what the server rendered inside the element, in the same shape. */
export class RoomPage extends LitElement {
  static override properties = {
    openActions: { state: true },
    isDeleting: { state: true },
    editing: { state: true },
    toast: { state: true },
    now: { state: true },
  };

  declare openActions: number | null;
  declare isDeleting: boolean;
  declare editing: Message | null;
  declare toast: string;
  declare now: number;

  private feed!: RoomFeed;
  private csrfToken = "";
  private keeper: ScrollKeeper | null = null;
  private unreadAfter: number | null = null;
  private seenSeq = 0;
  private readTimer: ReturnType<typeof setTimeout> | undefined;
  private toastTimer: ReturnType<typeof setTimeout> | undefined;
  private peopleTimer: ReturnType<typeof setTimeout> | undefined;
  private peopleFor = -1;

  constructor() {
    super();
    this.openActions = null;
    this.isDeleting = false;
    this.editing = null;
    this.toast = "";
    this.now = Date.now();
  }

  override connectedCallback(): void {
    const data = JSON.parse(document.getElementById("room-data")?.textContent ?? "null") as PageData;
    this.csrfToken = this.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "";
    this.replaceChildren();
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const client = new ChatClient(`${scheme}//${location.host}/ws/`);
    this.feed = new RoomFeed(client, data);
    this.unreadAfter = this.feed.standing.read_seq;
    this.seenSeq = this.unreadAfter;
    this.feed.addEventListener("change", () => this.onFeed());
    document.addEventListener("visibilitychange", () => this.onVisibility());
    wide.addEventListener("change", () => this.requestUpdate());
    setInterval(() => this.tick(), 1000);
    super.connectedCallback();
    client.start();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  // --- keeping the place ----------------------------------------------------------------------------------------

  protected override willUpdate(): void {
    this.keeper?.remember();
  }

  protected override firstUpdated(): void {
    const box = this.querySelector<HTMLElement>(".history")!;
    this.keeper = new ScrollKeeper(box);
    if (!this.keeper.toUnread()) this.keeper.toEnd();
    // Text that wraps anew (a turned phone, the keyboard) moves everything.
    new ResizeObserver(() => this.keeper?.restore()).observe(box);
    followKeyboard();
    // The composer draws itself after this element has.
    const composer = this.querySelector<Composer>("pavilion-composer");
    if (wide.matches) void composer?.updateComplete.then(() => composer.focusField());
  }

  protected override updated(_changed: PropertyValues): void {
    this.keeper?.restore();
    this.settle();
  }

  private onScroll(): void {
    const wasAtEnd = this.keeper?.isAtEnd;
    this.keeper?.look();
    this.settle();
    if (wasAtEnd !== this.keeper?.isAtEnd) this.requestUpdate();
  }

  /** What follows from where the reader is: older history, the read mark, fewer rows. */
  private settle(): void {
    const { feed, keeper } = this;
    if (!keeper) return;
    if (feed.hasOlder && feed.olderState === "idle" && feed.isLive && keeper.isNearStart)
      void feed.loadOlder();
    if (!keeper.isAtEnd || document.visibilityState !== "visible") return;
    this.seenSeq = feed.messages.at(-1)?.seq ?? this.seenSeq;
    if (feed.trim()) this.requestUpdate();
    clearTimeout(this.readTimer);
    this.readTimer = setTimeout(() => void feed.markRead(), READ_AFTER_MS);
  }

  private onFeed(): void {
    this.requestUpdate();
    this.badge();
    this.refreshPeople();
  }

  private onVisibility(): void {
    if (document.visibilityState === "hidden") this.unreadAfter = this.feed.messages.at(-1)?.seq ?? 0;
    else this.settle();
    this.badge();
  }

  private badge(): void {
    const count = document.visibilityState === "hidden" ? this.unseen() : 0;
    document.title = `${count ? `(${count > 99 ? "99+" : count}) ` : ""}${this.feed.info.name} · Pavilion`;
  }

  private unseen(): number {
    const { me, messages } = this.feed;
    return messages.filter((message) => message.seq > this.seenSeq && message.sender?.uid !== me.uid).length;
  }

  private tick(): void {
    const { line, drafts, standing } = this.feed;
    const isAway = line.phase === "away" && Date.now() - line.since < BANNER_AFTER_MS + 2000;
    const isCounting = drafts.some((draft) => draft.notBefore > this.now) || standing.muted_until;
    if (isAway || isCounting) this.now = Date.now();
  }

  private refreshPeople(): void {
    const { feed } = this;
    const isShown = wide.matches || this.querySelector("dialog[open][data-sheet=people]");
    if (!isShown || !feed.isLive || feed.online === this.peopleFor || this.peopleTimer) return;
    this.peopleFor = feed.online;
    this.peopleTimer = setTimeout(
      () => {
        this.peopleTimer = undefined;
        this.attempt(feed.loadPeople());
      },
      !feed.people.length ? 0 : feed.online <= SMALL_ROOM ? 600 : 5000,
    );
  }

  // --- what the person does -------------------------------------------------------------------------------------

  private context(): RowContext {
    const { feed } = this;
    const people = feed.messages.flatMap((message) => (message.sender ? [message.sender] : []));
    return {
      namesakes: namesakes([feed.me, ...feed.people, ...people]),
      canModerate: feed.canModerate,
      isLive: feed.isLive,
      canChange: feed.canChange,
      open: this.openActions,
      isDeleting: this.isDeleting,
      now: Date.now(),
      toggle: (seq) => this.toggleActions(seq),
      copy: (message) => void this.copy(message.text, "Text"),
      edit: (message) => this.edit(message),
      askDelete: () => {
        this.isDeleting = true;
      },
      confirmDelete: (message) => this.delete(message),
      retry: (draft) => void feed.retry(draft),
      discard: (draft) => void feed.discard(draft),
    };
  }

  private toggleActions(seq: number): void {
    this.openActions = this.openActions === seq && !this.isDeleting ? null : this.isDeleting ? null : seq;
    this.isDeleting = false;
  }

  private edit(message: Message): void {
    this.editing = message;
    this.openActions = null;
  }

  private onEditLast(event: Event): void {
    const own = this.feed.messages.findLast(
      (message) => message.sender?.uid === this.feed.me.uid && !message.deleted,
    );
    if (!own || !this.feed.canChange) return;
    event.preventDefault();
    this.editing = own;
  }

  private delete(message: Message): void {
    this.openActions = null;
    this.isDeleting = false;
    this.attempt(this.feed.delete(message.seq));
  }

  private onWrite(event: CustomEvent<string>): void {
    this.unreadAfter = null;
    this.keeper?.toEnd();
    void this.feed.send(event.detail);
  }

  private onSave(event: CustomEvent<string>): void {
    const message = this.editing;
    if (!message) return;
    const save = this.feed.edit(message.seq, event.detail).then(() => {
      this.editing = null;
    });
    this.attempt(save);
  }

  /** Shows a refusal in the words of the server; anything else is a bug and reaches the console. */
  private attempt(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!(error instanceof ChatError)) throw error;
      this.say(error.message);
    });
  }

  private async copy(text: string, what: string): Promise<void> {
    this.openActions = null;
    try {
      await navigator.clipboard.writeText(text);
      this.say(`${what} copied`);
    } catch {
      // Without HTTPS there is no clipboard to be had.
      this.say("This browser does not allow copying here.");
    }
  }

  private say(text: string): void {
    this.toast = text;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => {
      this.toast = "";
    }, TOAST_MS);
  }

  private openSheet(sheet: Sheet): void {
    this.querySelector<HTMLDialogElement>(`dialog[data-sheet=${sheet}]`)?.showModal();
    if (sheet === "people" && this.feed.isLive) this.attempt(this.feed.loadPeople());
  }

  private toEnd(): void {
    this.keeper?.toEnd();
    this.requestUpdate();
  }

  // --- what is shown --------------------------------------------------------------------------------------------

  protected override render(): TemplateResult {
    const { feed } = this;
    return html`
      ${this.barView()}
      <div class="room__main">
        <div role="status">${bannerView(feed.line, feed.ended, Date.now())}</div>
        <div class="history" tabindex="0" role="region" aria-label="History" @scroll=${this.onScroll}>
          <div class="history__inner">
            ${this.edgeView()}
            <div role="log" aria-label="Messages" aria-busy=${feed.olderState === "loading"}>${this.rowsView()}</div>
          </div>
        </div>
        ${this.jumpView()}
      </div>
      <div class="room__foot">
        <pavilion-composer .room=${feed.room} .limit=${feed.textLimit} .editing=${this.editing}
          .closedReason=${this.closedReason()} .isPassing=${!feed.ended && !feed.isClosed} .hint=${this.hint()}
          @write=${this.onWrite} @save=${this.onSave} @edit-last=${this.onEditLast}
          @cancel=${() => {
            this.editing = null;
          }}></pavilion-composer>
      </div>
      ${wide.matches ? this.sideView() : nothing}
      ${this.sheetView(
        "share",
        "Invite people",
        shareView(feed.info, (text, what) => void this.copy(text, what), true),
      )}
      ${this.sheetView("people", countText(feed.peopleCount), html`${peopleView(feed.people, feed.online, feed.me)} ${this.leaveView()}`)}
      <div role="status">${this.toast ? html`<p class="toast">${this.toast}</p>` : nothing}</div>
    `;
  }

  private barView(): TemplateResult {
    const { feed } = this;
    return html`<header class="room__bar">
      <a class="icon-button" href="/" aria-label="All rooms">${icon("back", "icon--turns")}</a>
      <div class="room__title">
        <h1 dir="auto" title=${feed.info.name}>${feed.info.name}</h1>
        <p class="room__status"><span class="dot ${feed.isLive ? "dot--live" : ""}"></span>
          ${this.statusText()}</p>
      </div>
      <div class="room__tools">
        <button class="icon-button narrow-only" aria-label="People" @click=${() => this.openSheet("people")}>${icon("people")}</button>
        <button class="icon-button" aria-label="Invite people" @click=${() => this.openSheet("share")}>${icon("share")}</button>
      </div>
    </header>`;
  }

  private statusText(): string {
    const { line, isLive, peopleCount } = this.feed;
    if (isLive)
      return line.phase === "open" && line.isPoll
        ? `${countText(peopleCount)} · slower line`
        : countText(peopleCount);
    return line.phase === "away" && line.reason === "offline" ? "Offline" : "Connecting…";
  }

  private edgeView(): TemplateResult | typeof nothing {
    const { feed } = this;
    if (feed.olderState === "failed") {
      return html`<p class="history__edge">Older messages could not be read.
        <button class="button button--text button--small" @click=${() => void feed.loadOlder()}>Try again</button></p>`;
    }
    if (feed.olderState === "loading") {
      return html`<div class="skeleton history__edge" aria-hidden="true"><span></span><span></span></div>`;
    }
    if (feed.hasOlder) return nothing;
    return feed.messages.length ? html`<p class="history__edge">This is where the room begins.</p>` : nothing;
  }

  private rowsView(): TemplateResult {
    const { feed } = this;
    const { messages, provisional, drafts } = feed;
    const rows = buildTimeline({
      me: feed.me.uid,
      messages,
      provisional,
      drafts,
      unreadAfter: this.unreadAfter,
    });
    if (!rows.length) return this.emptyView();
    const context = this.context();
    return html`<ol>${repeat(
      rows,
      (row) => row.key,
      (row) => rowView(row, context),
    )}</ol>`;
  }

  private emptyView(): TemplateResult {
    const mark = html`<svg class="empty__mark" aria-hidden="true"><use href="${document.body.dataset.icons}#mark"></use></svg>`;
    // Nobody is asked to speak, or to bring others, where nobody can.
    if (this.feed.isClosed)
      return html`<div class="empty">${mark}<strong>Nothing was said in here</strong></div>`;
    return html`<div class="empty">
      ${mark}
      <strong>It is quiet in here</strong>
      <p>Say the first word, or invite somebody.</p>
      <button class="button button--quiet" @click=${() => this.openSheet("share")}>Invite people</button>
    </div>`;
  }

  private jumpView(): TemplateResult | typeof nothing {
    if (!this.keeper || this.keeper.isAtEnd) return nothing;
    const count = this.unseen();
    const text = count ? `${count > 99 ? "99+" : count} new` : "To the end";
    return html`<button class="jump ${count ? "jump--new" : ""}" @click=${this.toEnd}>${icon("down")} ${text}</button>`;
  }

  private sideView(): TemplateResult {
    const { feed } = this;
    return html`<aside class="room__side" aria-label="About this room">
      <section class="side__section"><h2>Invite people</h2>
        ${shareView(feed.info, (text, what) => void this.copy(text, what), false)}</section>
      <section class="side__section"><h2>${countText(feed.peopleCount)}</h2>
        ${peopleView(feed.people, feed.online, feed.me)}</section>
      ${this.leaveView()}
    </aside>`;
  }

  private leaveView(): TemplateResult {
    return html`<form method="post" action="/r/${this.feed.room}/leave/">
      <input type="hidden" name="csrfmiddlewaretoken" .value=${this.csrfToken}>
      <button class="button button--quiet button--small">${icon("leave", "icon--turns")} Leave this room</button>
    </form>`;
  }

  private sheetView(sheet: Sheet, title: string, content: TemplateResult): TemplateResult {
    const close = (event: Event): void => (event.currentTarget as HTMLElement).closest("dialog")?.close();
    const onBackdrop = (event: Event): void => {
      if (event.target === event.currentTarget) close(event);
    };
    return html`<dialog class="sheet" data-sheet=${sheet} aria-labelledby="sheet-${sheet}" @click=${onBackdrop}>
      <div class="sheet__inner">
        <div class="sheet__head">
          <h2 id="sheet-${sheet}">${title}</h2>
          <button class="icon-button" aria-label="Close" @click=${close}>${icon("close")}</button>
        </div>
        ${content}
      </div>
    </dialog>`;
  }

  // --- what keeps one from writing ------------------------------------------------------------------------------

  private closedReason(): string {
    const { info, me, standing, canModerate, ended } = this.feed;
    if (ended) return "You are not in this room any more.";
    if (info.archived) return "This room is in the archive. You can still read it.";
    if (info.mode === "closed") return "This room is closed. You can still read it.";
    const mute = standing.muted_until ? Date.parse(standing.muted_until) - Date.now() : 0;
    if (mute > 0) return `You are muted for ${countdown(mute)}.`;
    if (canModerate) return "";
    if (info.mode === "paused") return "This room is paused for a moment. You can still read it.";
    if (info.mode === "members" && me.guest) return "Only people with an account can write here for now.";
    return "";
  }

  private hint(): string {
    const { info, canModerate, notice } = this.feed;
    if (info.slow_seconds > 0 && !canModerate) return `Slow mode: one message every ${info.slow_seconds} s`;
    return notice ?? "";
  }
}

// Safari lays the keyboard over the page instead of shrinking it; the visible part is told by the visual viewport.
function followKeyboard(): void {
  const viewport = window.visualViewport;
  if (!viewport) return;
  viewport.addEventListener("resize", () => {
    const isCovered = innerHeight - viewport.height > 80 && viewport.scale === 1;
    const { style } = document.documentElement;
    if (isCovered) style.setProperty("--viewport", `${viewport.height}px`);
    else style.removeProperty("--viewport");
  });
}

customElements.define("pavilion-room", RoomPage);
