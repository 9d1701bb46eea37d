import { Connection, type ConnectionListener } from "./connection.ts";
import { Leadership } from "./leadership.ts";
import type { LineState } from "./line.ts";
import { confirmedByPerson, type Draft, inOrder, newDraft, nextOrder } from "./outbox.ts";
import { OutboxStore } from "./outbox-store.ts";
import {
  type Bye,
  ChatError,
  disconnected,
  type Hello,
  isDurable,
  type JoinReply,
  type Person,
  type RoomEvent,
  type SendReply,
} from "./protocol.ts";
import { Sender } from "./sender.ts";
import { type Note, Tabs } from "./tabs.ts";
import { newUuid } from "./uuid.ts";

const ANSWER_TIMEOUT_MS = 25_000;

/** A page that shows one room. */
export interface RoomListener {
  readonly room: string;
  /** Called when there is a new connection: take up the room from the last known position. */
  attach(): void;
  onEvent(event: RoomEvent): void;
  onHead(head: number): void;
  /** What changed since the position that the answer names, told as a whole. */
  onCaughtUp(reply: JoinReply): void;
  onState(state: LineState): void;
  onOutbox(): void;
  onSent(draft: Draft, reply: SendReply): void;
}

interface Asked {
  resolve(value: unknown): void;
  reject(error: ChatError): void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * The tab's way to the server. In the leading tab it owns the line and the sender; in the others it asks the leader.
 * Pages use it the same way in both.
 */
export class ChatClient implements ConnectionListener {
  me: Person | null = null;
  textLimit = 4000;
  state: LineState = { phase: "away", reason: "starting", since: Date.now() };

  private readonly tab = newUuid();
  private readonly store = new OutboxStore();
  private readonly tabs: Tabs;
  private readonly leadership: Leadership;
  private readonly line: Connection;
  private readonly sender: Sender;
  private readonly listeners = new Set<RoomListener>();
  private readonly asked = new Map<number, Asked>();
  private nextNumber = 1;
  private connection = "";
  // Of the leader: what its own line said last,
  private hello: Hello | null = null;
  // and the rooms joined on this connection, and the last number seen of each.
  private joined = new Map<string, number>();

  constructor(url: string) {
    this.tabs = new Tabs((note) => this.onNote(note));
    this.line = new Connection(url, this);
    this.leadership = new Leadership(this.tab, (leads) => this.onLeadership(leads));
    this.sender = new Sender({
      store: this.store,
      send: (draft) =>
        this.line.request("message.send", draft.room, { client_id: draft.clientId, text: draft.text }),
      onSent: (draft, reply) => this.tabs.tellAll({ kind: "sent", draft, reply }),
      onChanged: () => this.tabs.tellAll({ kind: "outbox" }),
    });
  }

  start(): void {
    this.leadership.start();
    this.tabs.tellOthers({ kind: "hail" });
    document.addEventListener("visibilitychange", () => {
      // Browsers slow hidden tabs down, so the tab in front is the better leader.
      if (document.visibilityState === "visible" && !this.leadership.isLeader) {
        this.tabs.tellOthers({ kind: "front", from: this.tab });
      }
    });
  }

  follow(listener: RoomListener): void {
    this.listeners.add(listener);
    if (this.state.phase === "open") listener.attach();
  }

  unfollow(listener: RoomListener): void {
    this.listeners.delete(listener);
  }

  /** Sends a command over the leader's line. Rejects with a `ChatError`. */
  request<T>(op: string, room: string | null, d: unknown): Promise<T> {
    if (this.leadership.isLeader) return this.lead<T>(op, room, d);
    if (this.state.phase !== "open") return Promise.reject(disconnected());
    const number = this.nextNumber++;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.asked.delete(number);
        reject(disconnected());
      }, ANSWER_TIMEOUT_MS);
      this.asked.set(number, { resolve: resolve as (value: unknown) => void, reject, timer });
      this.tabs.tellOthers({ kind: "ask", from: this.tab, number, op, room, d });
    });
  }

  // --- the outbox -----------------------------------------------------------------------------------------------

  async drafts(room: string, user: string): Promise<Draft[]> {
    const all = await this.store.all();
    return inOrder(all.filter((draft) => draft.room === room && draft.user === user));
  }

  async write(room: string, user: string, text: string): Promise<void> {
    const now = Date.now();
    const order = nextOrder(await this.store.all(), now);
    await this.store.put(newDraft({ clientId: newUuid(), user, room, text }, now, order));
    this.tabs.tellAll({ kind: "outbox" });
  }

  async retry(clientId: string): Promise<void> {
    const draft = await this.store.get(clientId);
    if (draft) await this.store.update(confirmedByPerson(draft, Date.now()));
    this.tabs.tellAll({ kind: "outbox" });
  }

  async discard(clientId: string): Promise<void> {
    await this.store.delete(clientId);
    this.tabs.tellAll({ kind: "outbox" });
  }

  // --- between the tabs -----------------------------------------------------------------------------------------

  private onNote(note: Note): void {
    const isLeader = this.leadership.isLeader;
    switch (note.kind) {
      case "ask":
        if (isLeader) void this.answer(note);
        break;
      case "answer":
        if (note.to === this.tab) this.settle(note);
        break;
      case "event":
        this.dispatch(note.event);
        break;
      case "state":
        this.take(note);
        break;
      case "heads":
        for (const listener of this.listeners) {
          const head = note.heads[listener.room];
          if (head !== undefined) listener.onHead(head);
        }
        break;
      case "caughtUp":
        for (const listener of this.listeners) {
          if (note.room === listener.room) listener.onCaughtUp(note.reply);
        }
        break;
      case "hail":
        if (isLeader) this.tabs.tellOthers(this.present());
        break;
      case "front":
        if (isLeader && document.visibilityState === "hidden") this.leadership.giveWay();
        break;
      case "outbox":
        for (const listener of this.listeners) listener.onOutbox();
        if (isLeader) void this.sender.pump();
        break;
      case "sent":
        for (const listener of this.listeners) listener.onSent(note.draft, note.reply);
        break;
    }
  }

  private async answer(ask: Extract<Note, { kind: "ask" }>): Promise<void> {
    const back = { kind: "answer", to: ask.from, number: ask.number } as const;
    try {
      this.tabs.tellOthers({ ...back, ok: await this.lead(ask.op, ask.room, ask.d) });
    } catch (error) {
      const refusal = error instanceof ChatError ? error : disconnected();
      this.tabs.tellOthers({ ...back, error: refusal.toWire() });
    }
  }

  private settle(note: Extract<Note, { kind: "answer" }>): void {
    const asked = this.asked.get(note.number);
    if (!asked) return;
    this.asked.delete(note.number);
    clearTimeout(asked.timer);
    if (note.error) asked.reject(new ChatError(note.error));
    else asked.resolve(note.ok);
  }

  private dispatch(event: RoomEvent): void {
    for (const listener of this.listeners) {
      if (!event.room || event.room === listener.room) listener.onEvent(event);
    }
  }

  private take(note: Extract<Note, { kind: "state" }>): void {
    const isNew =
      note.state.phase === "open" && (this.state.phase !== "open" || note.connection !== this.connection);
    if (note.state.phase !== "open" || isNew) this.forgetAsked();
    this.state = note.state;
    this.connection = note.connection;
    this.me = note.me;
    this.textLimit = note.textLimit;
    for (const listener of this.listeners) {
      listener.onState(note.state);
      if (isNew) listener.attach();
    }
  }

  private forgetAsked(): void {
    const asked = [...this.asked.values()];
    this.asked.clear();
    for (const { reject, timer } of asked) {
      clearTimeout(timer);
      reject(disconnected());
    }
  }

  private present(): Extract<Note, { kind: "state" }> {
    const { state, connection, me, textLimit } = this;
    return { kind: "state", state, connection, me, textLimit };
  }

  // --- the leader -----------------------------------------------------------------------------------------------

  private onLeadership(leads: boolean): void {
    this.sender.stop();
    this.joined.clear();
    this.take({ ...this.present(), state: { phase: "away", reason: "starting", since: Date.now() } });
    if (leads) {
      this.line.start();
    } else {
      this.line.stop();
      this.tabs.tellOthers({ kind: "hail" });
    }
  }

  private async lead<T>(op: string, room: string | null, d: unknown): Promise<T> {
    if (!room || (op !== "room.join" && op !== "room.sync")) return this.line.request<T>(op, room, d);
    const reply = await this.line.request<T & JoinReply>(op, room, d);
    this.saw(room, reply.head);
    // The server counts what is in this reply as told to the whole connection, so the other tabs must hear it too.
    if (reply.mode === "resumed")
      for (const event of reply.events) this.tabs.tellAll({ kind: "event", event });
    return reply;
  }

  private saw(room: string, seq: number): void {
    this.joined.set(room, Math.max(this.joined.get(room) ?? 0, seq));
  }

  onHello(hello: Hello): void {
    this.joined.clear();
    this.hello = hello;
  }

  onState(state: LineState): void {
    if (state.phase === "away") this.sender.stop();
    const { connection, me, limits } = this.hello ?? { connection: "", me: this.me, limits: {} };
    this.tabs.tellAll({ kind: "state", state, connection, me, textLimit: limits.text ?? this.textLimit });
    if (state.phase === "open" && me) this.sender.start(me.uid);
  }

  onEvent(event: RoomEvent): void {
    if (isDurable(event)) this.saw(event.room, event.seq);
    const bye = event.ev === "bye" ? (event.d as Bye) : null;
    if (bye?.room) this.joined.delete(bye.room);
    this.tabs.tellAll({ kind: "event", event });
  }

  onCaughtUp(room: string, reply: JoinReply): void {
    this.saw(room, reply.head);
    this.tabs.tellAll({ kind: "caughtUp", room, reply });
  }

  onHeads(heads: Record<string, number>): void {
    this.tabs.tellAll({ kind: "heads", heads });
  }

  positions(): Record<string, number> {
    return Object.fromEntries(this.joined);
  }
}
