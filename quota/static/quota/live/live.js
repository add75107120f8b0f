// The live view: one websocket, which comes back by itself and catches up by the id of the last event.

const version = new URL(import.meta.url).search;
const { Cards } = await import(`./cards.js${version}`);
const { Feed } = await import(`./feed.js${version}`);
const { timeOfDay } = await import(`./words.js${version}`);

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const SILENCE = 2.5; // heartbeats that may be missed
const NOT_ALLOWED = 4403;
const NO_SUCH_POOL = 4404;

class Live {
  constructor(root) {
    this.root = root;
    this.cards = new Cards(root);
    this.feed = new Feed(root);
    this.line = root.querySelector("#live-line");
    this.state = root.querySelector("#live-state");
    this.again = root.querySelector("#live-again");
    this.login = root.querySelector("#live-login");
    this.lastId = "";
    this.tries = 0;
    this.lostAt = 0;
    this.skewMs = 0; // the server's clock less ours
    this.heardAt = Date.now();
    this.silenceMs = Infinity;
    this.again.addEventListener("click", () => this.connect());
    addEventListener("online", () => this.socket === null && this.connect());
    setInterval(() => this.tick(), 1000);
    this.connect();
  }

  get nowMs() {
    return Date.now() + this.skewMs;
  }

  connect() {
    clearTimeout(this.retry);
    const query = new URLSearchParams({ pool: this.root.dataset.pool });
    if (this.lastId) query.set("last_event_id", this.lastId);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/live/?${query}`);
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => this.socket === socket && this.hear(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => this.socket === socket && this.lost(code));
  }

  hear(said) {
    this.heardAt = Date.now();
    if (said.server_time_ms) this.skewMs = said.server_time_ms - this.heardAt;
    switch (said.type) {
      case "hello":
        this.tries = 0;
        this.silenceMs = said.heartbeat_s * SILENCE * 1000;
        this.lastId ||= said.id;
        this.say("live", "Live");
        break;
      case "heartbeat":
        this.lastId = said.id;
        break;
      case "snapshot":
        this.show(said);
        break;
      case "reload":
        this.feed.clear();
        break;
      default:
        this.lastId = said.id;
        this.feed.add(said);
    }
  }

  show(snapshot) {
    this.line.textContent = snapshot.pool.text;
    this.cards.show(snapshot, this.nowMs);
    const since = snapshot.pool.stale_since_ms;
    if (since) this.say("stale", `Stale: the store does not answer since ${timeOfDay(since)} UTC; these numbers are from then.`);
    else this.say("live", "Live");
  }

  lost(code) {
    this.socket = null;
    if (code === NOT_ALLOWED) return this.refused("You may not watch any more: your session has ended, or a permission was taken away.");
    if (code === NO_SUCH_POOL) return this.refused("This pool is gone.");
    this.lostAt ||= this.nowMs;
    const pause = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.tries) * (0.7 + 0.6 * Math.random());
    this.tries += 1;
    this.retry = setTimeout(() => this.connect(), pause);
    this.tick();
  }

  refused(why) {
    this.say("refused", why);
    this.login.hidden = false;
  }

  tick() {
    this.cards.tick(this.nowMs);
    if (this.lostAt) {
      this.say("disconnected", `Disconnected since ${timeOfDay(this.lostAt)} UTC; these numbers are from then. Trying again by itself.`);
    } else if (this.socket && Date.now() - this.heardAt > this.silenceMs) {
      this.socket.close();
      this.lost(0);
    }
  }

  say(state, text) {
    if (state === "live" || state === "stale") this.lostAt = 0;
    if (this.root.dataset.state !== state) this.root.dataset.state = state;
    if (this.state.textContent !== text) this.state.textContent = text;
    this.again.hidden = state !== "disconnected";
  }
}

new Live(document.getElementById("live"));
