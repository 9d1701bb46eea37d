// The page shown while there is no network. It goes back by itself and says what is waiting.
import { OutboxStore } from "./socket/outbox-store.ts";

const RETRY_MS = 5000;

async function say(): Promise<void> {
  const drafts = await new OutboxStore().all();
  const waiting = drafts.filter((draft) => draft.state !== "failed").length;
  const line = document.querySelector<HTMLElement>("[data-outbox]");
  if (!line || !waiting) return;
  line.textContent =
    waiting === 1 ? "1 message is kept and waits." : `${waiting} messages are kept and wait.`;
  line.hidden = false;
}

async function tryAgain(): Promise<void> {
  try {
    const response = await fetch("/health", { cache: "no-store" });
    if (response.ok) location.reload();
  } catch {
    // Still nothing; the next round asks again.
  }
}

void say();
addEventListener("online", () => void tryAgain());
setInterval(() => void tryAgain(), RETRY_MS);
document.querySelector("[data-retry]")?.addEventListener("click", () => location.reload());
