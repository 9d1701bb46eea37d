import type { LineState } from "./line.ts";
import type { Draft } from "./outbox.ts";
import type { JoinReply, Person, RoomEvent, SendReply, WireError } from "./protocol.ts";

/** What the tabs of one browser say to each other. Only the leader has a line to the server. */
export type Note =
  | { kind: "ask"; from: string; number: number; op: string; room: string | null; d: unknown }
  | { kind: "answer"; to: string; number: number; ok?: unknown; error?: WireError }
  | { kind: "event"; event: RoomEvent }
  | { kind: "state"; state: LineState; connection: string; me: Person | null; textLimit: number }
  | { kind: "heads"; heads: Record<string, number> }
  | { kind: "caughtUp"; room: string; reply: JoinReply }
  | { kind: "hail" }
  | { kind: "front"; from: string }
  | { kind: "outbox" }
  | { kind: "sent"; draft: Draft; reply: SendReply };

/** A channel to the other tabs that also delivers to this one, so that leader and follower share one way. */
export class Tabs {
  private channel: BroadcastChannel | null =
    typeof BroadcastChannel === "function" ? new BroadcastChannel("pavilion") : null;

  constructor(private readonly onNote: (note: Note) => void) {
    if (this.channel) this.channel.onmessage = (message) => this.onNote(message.data as Note);
  }

  /** Tells the other tabs. */
  tellOthers(note: Note): void {
    this.channel?.postMessage(note);
  }

  /** Tells every tab, this one included. */
  tellAll(note: Note): void {
    this.tellOthers(note);
    this.onNote(note);
  }
}
