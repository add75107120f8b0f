// What happened, newest first. Rows are added in handfuls, so that a flood costs the browser a bounded amount of work.

const { timeOfDay } = await import(`./words.js${new URL(import.meta.url).search}`);

const REMEMBERED = 300;
const SHOWN = 100;
const SAID = { all: () => true, accounts: (kind) => !kind.startsWith("agent_") };
SAID.ended = (kind) => SAID.accounts(kind) || kind === "agent_completed" || kind === "agent_failed";
const TONES = {
  agent_completed: "success",
  agent_failed: "danger",
  agent_progress: "warning",
  breaker_opened: "danger",
  breaker_half_open: "warning",
  breaker_closed: "success",
  hold: "warning",
  account_out: "danger",
  account_back: "success",
  outage: "danger",
  common_cause: "danger",
  alert_opened: "warning",
  alert_escalated: "danger",
  alert_resolved: "success",
};

export class Feed {
  constructor(root) {
    this.list = root.querySelector("#live-feed");
    this.quiet = root.querySelector("#live-quiet");
    this.which = root.querySelector("#live-which");
    this.events = [];
    this.fresh = [];
    this.which.addEventListener("change", () => this.draw());
  }

  add(event) {
    this.events.unshift(event);
    this.events.length = Math.min(this.events.length, REMEMBERED);
    if (!this.fresh.length) requestAnimationFrame(() => this.pour());
    this.fresh.push(event);
  }

  clear() {
    this.events = [];
    this.fresh = [];
    this.draw();
  }

  pour() {
    const wanted = this.fresh.filter((event) => SAID[this.which.value](event.type)).slice(-SHOWN);
    this.fresh = [];
    this.list.prepend(...wanted.reverse().map(row));
    while (this.list.children.length > SHOWN) this.list.lastElementChild.remove();
    this.quiet.hidden = this.list.children.length > 0;
  }

  draw() {
    const wanted = this.events.filter((event) => SAID[this.which.value](event.type)).slice(0, SHOWN);
    this.list.replaceChildren(...wanted.map(row));
    this.quiet.hidden = wanted.length > 0;
  }
}

function row(event) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  const text = document.createElement("span");
  item.dataset.tone = TONES[event.type] ?? "info";
  item.dataset.kind = event.type;
  time.dateTime = new Date(event.at_ms).toISOString();
  time.textContent = timeOfDay(event.at_ms);
  text.textContent = event.text;
  item.append(time, text);
  return item;
}
