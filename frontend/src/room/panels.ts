import { html, nothing, type TemplateResult } from "lit";
import type { Person, Room } from "../socket/protocol.ts";
import { hueClass, initial, shortTag } from "../text/hue.ts";
import { icon } from "./icons.ts";
import { namesakes } from "./timeline.ts";

/** The code to say, the code to print, the link and the QR code. `withQr` is false beside the history, to keep calm. */
export function shareView(
  room: Room,
  copy: (text: string, what: string) => void,
  withQr: boolean,
): TemplateResult {
  const link = room.invite_url ?? "";
  return html`<div class="share">
    ${
      room.code
        ? html`<div class="share__code">
            <span class="small soft">Say this code</span>
            <strong>${room.code}</strong>
            ${room.short_code ? html`<span class="small soft">on a poster <code>${room.short_code}</code></span>` : nothing}
          </div>`
        : nothing
    }
    ${
      withQr
        ? html`<img class="share__qr" src="/api/rooms/${room.uid}/qr.svg" width="208" height="208"
            alt="QR code that opens this room">`
        : nothing
    }
    ${
      link
        ? html`<div class="share__link">
            <input readonly aria-label="Invite link" .value=${link} @focus=${selectAll}>
            <button class="button" type="button" @click=${() => copy(link, "Link")}>Copy</button>
          </div>`
        : nothing
    }
    ${
      link && typeof navigator.share === "function" && withQr
        ? html`<button class="button button--quiet" type="button" @click=${() => shareLink(room, link)}>
            ${icon("share")} Share…</button>`
        : nothing
    }
  </div>`;
}

function selectAll(event: Event): void {
  (event.target as HTMLInputElement).select();
}

function shareLink(room: Room, url: string): void {
  navigator.share({ title: room.name, text: `Join me in ${room.name}`, url }).catch((error: Error) => {
    // Closing the share sheet is no failure.
    if (error.name !== "AbortError") throw error;
  });
}

export function peopleView(people: readonly Person[], online: number, me: Person): TemplateResult {
  const shared = namesakes(people);
  const others = people.filter((person) => person.uid !== me.uid);
  const shown = people.length > others.length ? [me, ...others] : others;
  const hidden = Math.max(0, online - shown.length);
  return html`<ul class="people" role="list">
      ${shown.map(
        (person) => html`<li class=${hueClass(person.uid)}>
          <span class="avatar" aria-hidden="true">${initial(person.name)}</span>
          <bdi class="people__name">${person.name}</bdi>
          ${
            person.uid === me.uid
              ? html`<span class="small soft">you</span>`
              : shared.has(person.uid)
                ? html`<span class="tag">${shortTag(person.uid)}</span>`
                : nothing
          }
        </li>`,
      )}
    </ul>
    ${hidden ? html`<p class="small soft">and ${hidden} more</p>` : nothing}`;
}

export function countText(online: number): string {
  return online === 1 ? "1 person here" : `${online.toLocaleString()} people here`;
}
