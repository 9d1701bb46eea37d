import { html, nothing, type TemplateResult } from "lit";
import type { Draft } from "../socket/outbox.ts";
import type { Message, Person } from "../socket/protocol.ts";
import { hueClass, initial, shortTag } from "../text/hue.ts";
import { linkify } from "../text/linkify.ts";
import { icon } from "./icons.ts";
import { isEmojiOnly, type Row } from "./timeline.ts";
import { ago, clockTime, countdown, dayName, fullTime } from "./times.ts";

/** What a row needs to know beside itself, and what its buttons do. */
export interface RowContext {
  namesakes: ReadonlySet<string>;
  canModerate: boolean;
  isLive: boolean;
  /** False while nothing that was said can be edited or deleted. */
  canChange: boolean;
  /** The message whose actions are open, and whether it asks before deleting. */
  open: number | null;
  isDeleting: boolean;
  now: number;
  toggle(seq: number): void;
  copy(message: Message): void;
  edit(message: Message): void;
  askDelete(): void;
  confirmDelete(message: Message): void;
  retry(draft: Draft): void;
  discard(draft: Draft): void;
}

export function rowView(row: Row, context: RowContext): TemplateResult {
  switch (row.kind) {
    case "day":
      return html`<li class="day"><time datetime=${row.at.toISOString()}>${dayName(row.at)}</time></li>`;
    case "unread":
      return html`<li class="unread">New</li>`;
    case "message":
      return messageView(row, context);
    case "provisional":
      return html`<li class="message message--first message--last message--waiting ${hueClass(row.message.sender.uid)}">
        ${avatar(row.message.sender)}
        <div class="message__body">
          ${head(row.message.sender, new Date(row.message.at), context)}
          <div class="message__line"><div class="bubble">${textView(row.message.text)}</div></div>
          <p class="message__meta">Just said. It takes its place shortly.</p>
        </div>
      </li>`;
    case "draft":
      return draftView(row, context);
  }
}

function messageView(row: Extract<Row, { kind: "message" }>, context: RowContext): TemplateResult {
  const { message, isOwn } = row;
  if (message.kind === "system") return html`<li class="message message--system">${message.text}</li>`;
  if (message.kind === "announcement") {
    return html`<li class="message message--announcement"><strong>Announcement</strong>${textView(message.text)}</li>`;
  }
  const at = new Date(message.at);
  const sender = message.sender ?? { uid: "", name: "Somebody who left", guest: true };
  const isOpen = context.open === message.seq && !message.deleted;
  return html`<li class="message ${rowClasses(row)} ${hueClass(sender.uid)}" data-seq=${message.seq}>
    ${isOwn ? nothing : row.isFirst ? avatar(sender) : nothing}
    <div class="message__body">
      ${row.isFirst ? head(isOwn ? null : sender, at, context) : nothing}
      <div class="message__line">
        <div class="bubble" title=${fullTime(at)} @click=${(event: Event) => onTap(event, message, context)}>
          ${message.deleted ? html`<p class="message__gone">Message deleted</p>` : textView(message.text)}
        </div>
        ${message.deleted ? nothing : moreButton(message, isOwn, isOpen, context)}
      </div>
      ${isOpen ? actionsView(message, isOwn, context) : nothing}
      ${message.edited_at && !message.deleted ? html`<p class="message__meta">edited</p>` : nothing}
    </div>
  </li>`;
}

const isTouch = matchMedia("(pointer: coarse)");

// A finger has no hover, so the bubble opens the actions; links and marked text keep their own meaning.
function onTap(event: Event, message: Message, context: RowContext): void {
  const isLink = (event.target as Element).closest("a") !== null;
  if (!isTouch.matches || message.deleted || isLink || getSelection()?.type === "Range") return;
  context.toggle(message.seq);
}

function rowClasses(row: { isFirst: boolean; isLast: boolean; isOwn?: boolean; message?: Message }): string {
  const names = [
    row.isOwn && "message--own",
    row.isFirst && "message--first",
    row.isLast && "message--last",
    row.message?.deleted && "message--gone",
  ];
  return names.filter(Boolean).join(" ");
}

function avatar(person: Person): TemplateResult {
  return html`<span class="avatar" aria-hidden="true">${initial(person.name)}</span>`;
}

function head(sender: (Person & { role?: string }) | null, at: Date, context: RowContext): TemplateResult {
  return html`<p class="message__head">
    ${
      sender
        ? html`<bdi class="message__name">${sender.name}</bdi>
          ${context.namesakes.has(sender.uid) ? html`<span class="tag">${shortTag(sender.uid)}</span>` : nothing}
          ${sender.role && sender.role !== "member" ? html`<span class="role">${sender.role}</span>` : nothing}`
        : html`<span class="visually-hidden">You</span>`
    }
    <time datetime=${at.toISOString()}>${clockTime(at)}</time>
  </p>`;
}

function textView(text: string): TemplateResult {
  const pieces = linkify(text).map(({ text: piece, href }) =>
    href ? html`<a href=${href} target="_blank" rel="noopener nofollow ugc">${piece}</a>` : piece,
  );
  const size = isEmojiOnly(text) ? "message__text--emoji" : "";
  // On one line: white space in the template would show, because the text keeps its own.
  return html`<div class="message__text ${size}" dir="auto">${pieces}</div>`;
}

function moreButton(message: Message, isOwn: boolean, isOpen: boolean, context: RowContext): TemplateResult {
  const whose = isOwn ? "your message" : `the message of ${message.sender?.name ?? "somebody who left"}`;
  return html`<button class="icon-button message__more" type="button" aria-expanded=${isOpen}
    aria-label="Actions for ${whose}" @click=${() => context.toggle(message.seq)}>${icon("more")}</button>`;
}

function actionsView(message: Message, isOwn: boolean, context: RowContext): TemplateResult {
  if (context.isDeleting) {
    return html`<div class="message__actions" role="group" aria-label="Delete this message?">
      <span class="small">Delete for everybody?</span>
      <button class="button button--danger button--small" @click=${() => context.confirmDelete(message)}>Delete</button>
      <button class="button button--quiet button--small" @click=${() => context.toggle(message.seq)}>Keep</button>
    </div>`;
  }
  const canEdit = isOwn && context.canChange;
  const canDelete = (isOwn || context.canModerate) && context.canChange;
  return html`<div class="message__actions" role="group" aria-label="Actions">
    <button class="button button--quiet button--small" @click=${() => context.copy(message)}>Copy</button>
    ${canEdit ? html`<button class="button button--quiet button--small" @click=${() => context.edit(message)}>Edit</button>` : nothing}
    ${canDelete ? html`<button class="button button--quiet button--small" @click=${() => context.askDelete()}>Delete</button>` : nothing}
  </div>`;
}

function draftView(row: Extract<Row, { kind: "draft" }>, context: RowContext): TemplateResult {
  const { draft } = row;
  const state = draft.state === "failed" || draft.state === "held" ? "message--failed" : "message--waiting";
  return html`<li class="message ${rowClasses({ ...row, isOwn: true })} ${state}" data-state=${draft.state}>
    <div class="message__body">
      <div class="message__line"><div class="bubble">${textView(draft.text)}</div></div>
      ${draftMeta(draft, row.isLast, context)}
    </div>
  </li>`;
}

function draftMeta(draft: Draft, isLast: boolean, context: RowContext): TemplateResult | typeof nothing {
  if (draft.state === "failed")
    return failedMeta(draft, `Not sent. ${draft.reason ?? ""}`, "Try again", context);
  if (draft.state === "held")
    return failedMeta(draft, `Written ${ago(draft.writtenAt)}. Still send it?`, "Send now", context);
  if (draft.state === "journaled")
    return html`<p class="message__meta">Saved. It will be delivered in order shortly.</p>`;
  const wait = draft.notBefore - context.now;
  if (wait > 0) {
    const why = draft.code === "slow_mode" ? "Slow mode" : "The server asks for patience";
    return html`<p class="message__meta">${why}: goes out in ${countdown(wait)}</p>`;
  }
  if (!isLast) return nothing;
  return html`<p class="message__meta">${context.isLive ? "Sending…" : "Kept here until the line is back"}</p>`;
}

function failedMeta(draft: Draft, text: string, again: string, context: RowContext): TemplateResult {
  return html`<p class="message__meta message__meta--failed" role="alert">${text}</p>
    <div class="message__actions">
      <button class="button button--small" @click=${() => context.retry(draft)}>${again}</button>
      <button class="button button--quiet button--small" @click=${() => context.discard(draft)}>Discard</button>
    </div>`;
}
