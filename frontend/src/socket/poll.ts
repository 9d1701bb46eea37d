import { ChatError, disconnected, type Hello, type JoinReply, type WireError } from "./protocol.ts";
import { newUuid } from "./uuid.ts";

/** How long the server may hold an answer back until something happens. */
const WAIT_SECONDS = 25;
const ANSWER_TIMEOUT_MS = 20_000;
/** Between two questions: in a busy room several messages then come with one answer. */
const PAUSE_MS = 300;
/** Browsers allow six connections to one server. Beyond this many rooms nobody waits, and all are asked in turn. */
const MAX_WAITING = 3;
const ROUND_MS = 4000;

export interface PollListener {
  onHello(hello: Hello): void;
  /** What changed in a room since the last answer, in the form of the answer to a join. */
  onCaughtUp(room: string, reply: JoinReply): void;
  onRoomRefused(room: string, error: ChatError): void;
  /** The server does not answer any more. */
  onPollLost(error: ChatError): void;
}

interface Position {
  epoch: string;
  seq: number;
}

/**
 * The same commands as a line carries, over plain HTTP: for networks that break WebSockets. Rooms that were joined are
 * watched with a long poll each. What has no twin in the HTTP API is refused as `unsupported`.
 */
export class Poll {
  private stopping: AbortController | null = null;
  private readonly watched = new Map<string, Position>();

  constructor(private readonly listener: PollListener) {}

  get isOpen(): boolean {
    return this.stopping !== null;
  }

  /** Asks who we are. Resolves to false when the server cannot be reached this way either. */
  async start(): Promise<boolean> {
    if (this.stopping) return true;
    const stopping = new AbortController();
    try {
      const me = await ask<Hello["me"]>("/api/me", { signal: stopping.signal });
      if (this.stopping) return true;
      this.stopping = stopping;
      this.listener.onHello({
        protocol: 1,
        connection: `poll-${newUuid()}`,
        heartbeat_ms: 0,
        limits: {},
        me,
      });
      return true;
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      return false;
    }
  }

  stop(): void {
    this.stopping?.abort();
    this.stopping = null;
    this.watched.clear();
  }

  request<T>(op: string, room: string | null, d: unknown): Promise<T> {
    if (!this.stopping || !room) return Promise.reject(disconnected());
    return this.translate(op, room, d as Fields) as Promise<T>;
  }

  private translate(op: string, room: string, d: Fields): Promise<unknown> {
    const path = `/api/rooms/${room}`;
    switch (op) {
      case "room.join":
        return this.join(room, d.since as Position);
      case "room.sync":
        return this.join(room, { epoch: this.watched.get(room)?.epoch ?? "", seq: d.since as number });
      case "message.send":
        return this.ask(`${path}/messages`, { body: d });
      case "history.fetch":
        return this.ask<{ items: unknown[]; next: string | null }>(`${path}/messages?${query(d)}`).then(
          ({ items, next }) => ({ messages: items, has_more: next !== null }),
        );
      case "presence.list":
        return this.ask<{ online: number }>(path).then(({ online }) => ({ online, people: [] }));
      default:
        return Promise.reject(
          new ChatError({ code: "unsupported", message: "That has to wait for a better connection." }),
        );
    }
  }

  private async join(room: string, since: Position): Promise<JoinReply> {
    const reply = await this.changes(room, since, 0);
    const isNew = !this.watched.has(room);
    this.watched.set(room, { epoch: reply.epoch, seq: reply.head });
    if (isNew) void this.watch(room);
    return reply;
  }

  /** Follows one room until the poll ends or the room refuses. */
  private async watch(room: string): Promise<void> {
    const stopping = this.stopping;
    const isOver = (): boolean => stopping === null || stopping.signal.aborted;
    while (!isOver()) {
      const isCrowded = this.watched.size > MAX_WAITING;
      await pause(isCrowded ? ROUND_MS : PAUSE_MS);
      const since = this.watched.get(room);
      if (isOver() || !since) return;
      try {
        const reply = await this.changes(room, since, isCrowded ? 0 : WAIT_SECONDS);
        if (isOver()) return;
        this.watched.set(room, { epoch: reply.epoch, seq: reply.head });
        if (reply.mode !== "resumed" || reply.head > since.seq) this.listener.onCaughtUp(room, reply);
      } catch (error) {
        if (!(error instanceof ChatError)) throw error;
        if (!isOver() && !(await this.survives(room, error))) return;
      }
    }
  }

  /** Tells whether the room is still worth asking after a failure. */
  private async survives(room: string, error: ChatError): Promise<boolean> {
    if (error.retryAfterMs !== null) {
      await pause(error.retryAfterMs);
      return true;
    }
    this.watched.delete(room);
    if (error.code === "disconnected" || error.code === "unauthenticated") this.listener.onPollLost(error);
    else this.listener.onRoomRefused(room, error);
    return false;
  }

  private changes(room: string, since: Position, wait: number): Promise<JoinReply> {
    const fields = query({ since: since.seq, epoch: since.epoch, wait });
    return this.ask<JoinReply>(`/api/rooms/${room}/changes?${fields}`, { extraMs: wait * 1000 });
  }

  private ask<T>(path: string, options: Omit<Question, "signal"> = {}): Promise<T> {
    return ask<T>(path, { ...options, signal: this.stopping?.signal });
  }
}

type Fields = Record<string, unknown>;

interface Question {
  signal?: AbortSignal | undefined;
  /** Sent as JSON, by POST. */
  body?: unknown;
  extraMs?: number;
}

/** Asks the HTTP API. Rejects with a `ChatError`: the server's own, or `disconnected` when there was no answer. */
async function ask<T>(path: string, { signal, body, extraMs = 0 }: Question): Promise<T> {
  const ends = [AbortSignal.timeout(ANSWER_TIMEOUT_MS + extraMs), ...(signal ? [signal] : [])];
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined)
    Object.assign(headers, { "Content-Type": "application/json", "X-CSRFToken": csrfToken() });
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: anyOf(ends),
      cache: "no-store",
    });
    answer = await response.json();
  } catch {
    // No network, no server, a proxy's own page of an error: all the same to whoever asked.
    throw disconnected();
  }
  if (response.ok) return answer as T;
  throw new ChatError(problemToError(answer));
}

/** Turns an answer of `application/problem+json` into the error that a socket would have carried. */
export function problemToError(answer: unknown): WireError {
  const { code, detail, retry_after_ms } = (answer ?? {}) as {
    code?: string;
    detail?: string;
    retry_after_ms?: number;
  };
  if (!code) return disconnected().toWire();
  return { code, message: detail ?? "The server refused.", retry_after_ms: retry_after_ms ?? null };
}

// AbortSignal.any is younger than the oldest browser that this page serves.
function anyOf(signals: readonly AbortSignal[]): AbortSignal {
  const one = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) one.abort();
    signal.addEventListener("abort", () => one.abort(), { once: true });
  }
  return one.signal;
}

function query(fields: Fields): string {
  return new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)])).toString();
}

function csrfToken(): string {
  return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
