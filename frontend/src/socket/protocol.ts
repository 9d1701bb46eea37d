// The wire contract of `/ws/`, as far as this client speaks it. docs/protocol.md is the reference.

export interface Person {
  uid: string;
  name: string;
  guest: boolean;
}

export interface Sender extends Person {
  role: Role;
}

export type Role = "member" | "moderator" | "owner";

export interface Message {
  seq: number;
  rev: number;
  uid: string;
  kind: "chat" | "system" | "announcement";
  sender: Sender | null;
  text: string;
  at: string;
  edited_at: string | null;
  deleted: boolean;
  client_id?: string | null;
}

export interface Room {
  uid: string;
  name: string;
  kind: "public" | "private" | "direct" | "lead" | "space";
  mode: "open" | "slow" | "members" | "paused" | "closed";
  slow_seconds: number;
  listed: boolean;
  archived: boolean;
  cleared_seq: number;
  code?: string | null;
  short_code?: string | null;
  invite_url?: string | null;
  code_expires_at?: string | null;
}

export interface Standing {
  role: Role;
  read_seq: number;
  muted_until: string | null;
}

/** An event with a `seq` is durable and has its place in the room; one without is a signal and may be lost. */
export interface RoomEvent {
  ev: string;
  room?: string;
  seq?: number;
  at?: string;
  d: unknown;
}

export interface DurableEvent extends RoomEvent {
  room: string;
  seq: number;
}

export interface Snapshot {
  mode: "snapshot" | "reset";
  reason?: string;
  epoch: string;
  head: number;
  room: Room;
  me: Standing;
  messages: Message[];
  has_more?: boolean;
  online: number;
}

export interface Resumed {
  mode: "resumed";
  epoch: string;
  from: number;
  head: number;
  events: DurableEvent[];
  online: number;
}

export type JoinReply = Snapshot | Resumed;

export interface SendReply {
  seq: number;
  uid: string;
  at: string;
  duplicate: boolean;
  state: "stored" | "journaled";
}

export interface Hello {
  protocol: number;
  connection: string;
  heartbeat_ms: number;
  limits: { text?: number };
  me: Person;
}

export interface Bye {
  code: number;
  reason: string;
  reconnect?: boolean;
  retry_after_ms?: number | null;
  room?: string;
}

export interface WireError {
  code: string;
  message: string;
  retry_after_ms?: number | null;
  field?: string | null;
}

export interface Reply {
  re: number | null;
  ok?: unknown;
  err?: WireError;
}

/** A refusal by the server, or `disconnected` when the line went before the answer came. */
export class ChatError extends Error {
  readonly code: string;
  readonly retryAfterMs: number | null;

  constructor(body: WireError) {
    super(body.message);
    this.code = body.code;
    this.retryAfterMs = body.retry_after_ms ?? null;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, retry_after_ms: this.retryAfterMs };
  }
}

export function disconnected(): ChatError {
  return new ChatError({ code: "disconnected", message: "The line to the server is down." });
}

export function isReply(frame: Reply | RoomEvent): frame is Reply {
  return "re" in frame;
}

export function isDurable(event: RoomEvent): event is DurableEvent {
  return typeof event.seq === "number" && typeof event.room === "string";
}

/** Returns the objects of one text frame, which holds one object or an array of them. */
export function decodeFrame(text: string): (Reply | RoomEvent)[] {
  const frame: unknown = JSON.parse(text);
  const objects = Array.isArray(frame) ? frame : [frame];
  return objects.filter((item): item is Reply | RoomEvent => typeof item === "object" && item !== null);
}
