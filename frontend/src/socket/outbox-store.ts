import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Draft } from "./outbox.ts";

interface Schema extends DBSchema {
  drafts: { key: string; value: Draft };
}

/** Where drafts outlive a reload. Falls back to memory where the browser gives no database (some private windows). */
export class OutboxStore {
  private database: Promise<IDBPDatabase<Schema> | null>;
  private memory = new Map<string, Draft>();

  constructor(name = "pavilion") {
    this.database = openDB<Schema>(name, 1, {
      upgrade: (database) => {
        database.createObjectStore("drafts", { keyPath: "clientId" });
      },
    }).catch((error: unknown) => {
      console.warn("The outbox is kept in memory only.", error);
      return null;
    });
  }

  async all(): Promise<Draft[]> {
    const database = await this.database;
    return database ? database.getAll("drafts") : [...this.memory.values()];
  }

  async get(clientId: string): Promise<Draft | undefined> {
    const database = await this.database;
    return database ? database.get("drafts", clientId) : this.memory.get(clientId);
  }

  async put(draft: Draft): Promise<void> {
    const database = await this.database;
    if (database) await database.put("drafts", draft);
    else this.memory.set(draft.clientId, draft);
  }

  /** Changes a draft that still exists: one that was discarded meanwhile must not come back. */
  async update(draft: Draft): Promise<void> {
    const database = await this.database;
    if (!database) {
      if (this.memory.has(draft.clientId)) this.memory.set(draft.clientId, draft);
      return;
    }
    const transaction = database.transaction("drafts", "readwrite");
    if (await transaction.store.getKey(draft.clientId)) await transaction.store.put(draft);
    await transaction.done;
  }

  async delete(clientId: string): Promise<void> {
    const database = await this.database;
    if (database) await database.delete("drafts", clientId);
    else this.memory.delete(clientId);
  }
}
