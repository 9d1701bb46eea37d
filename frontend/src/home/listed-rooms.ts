const EVERY_MS = 5000;

interface RoomCard {
  uid: string;
  online: number;
}

/** Keeps the counts on the home page true while somebody looks at it. The list itself is the server's. */
export class ListedRooms extends HTMLElement {
  private timer: ReturnType<typeof setInterval> | undefined;

  connectedCallback(): void {
    document.addEventListener("visibilitychange", this.onVisibility);
    this.onVisibility();
  }

  disconnectedCallback(): void {
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearInterval(this.timer);
  }

  private readonly onVisibility = (): void => {
    clearInterval(this.timer);
    if (document.visibilityState !== "visible") return;
    this.timer = setInterval(() => void this.refresh(), EVERY_MS);
    void this.refresh();
  };

  private async refresh(): Promise<void> {
    let rooms: RoomCard[];
    try {
      const response = await fetch("/api/rooms", { headers: { Accept: "application/json" } });
      if (!response.ok) return;
      const body = (await response.json()) as { items: RoomCard[] };
      rooms = body.items;
    } catch {
      // Offline, or a server that restarts: the last counts stand until the next round.
      return;
    }
    const online = new Map(rooms.map((room) => [room.uid, room.online]));
    for (const card of this.querySelectorAll<HTMLElement>("[data-room]")) {
      show(card, online.get(card.dataset.room ?? "") ?? null);
    }
  }
}

function show(card: HTMLElement, online: number | null): void {
  const text = card.querySelector("[data-online]");
  if (online === null || !text) return;
  text.textContent =
    online === 0 ? "quiet for now" : online === 1 ? "1 person here" : `${online} people here`;
  card.querySelector(".dot")?.classList.toggle("dot--live", online > 0);
}

customElements.define("pavilion-listed-rooms", ListedRooms);
