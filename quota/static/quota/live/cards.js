// A card for each account. Only what changed is touched; names and reasons go in as text, never as markup.

const { amount, count, countedDown, dollars, instant, NEVER_MS, timeOfDay } = await import(
  `./words.js${new URL(import.meta.url).search}`
);

const SERVING = new Set(["serving", "partly"]);

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

class Card {
  constructor(template, id) {
    this.element = template.content.firstElementChild.cloneNode(true);
    const find = (selector) => this.element.querySelector(selector);
    this.name = find("h3");
    this.chip = find(".nb-chip");
    this.why = find(".nb-why");
    this.limits = find(".nb-limits");
    this.facts = Object.fromEntries([...this.element.querySelectorAll("[data-fact]")].map((it) => [it.dataset.fact, it]));
    this.name.id = `account-${id}`;
    find("article").setAttribute("aria-labelledby", this.name.id);
  }

  show(account, nowMs, limitTemplate) {
    this.account = account;
    const { status } = account;
    this.element.dataset.tone = status.tone;
    this.element.dataset.word = status.word;
    write(this.name, account.name);
    write(this.why, status.why);
    this.why.hidden = !status.why;
    this.tick(nowMs);
    if (account.today) this.count(account, nowMs, limitTemplate);
  }

  count(account, nowMs, limitTemplate) {
    const { facts } = this;
    write(facts.in_flight, account.cap ? `${count(account.in_flight)} of ${count(account.cap)}` : count(account.in_flight));
    write(facts.requests, count(account.today.requests));
    write(facts.tokens, count(account.today.tokens));
    write(facts.cost, dollars(account.today.cost_nano));
    write(facts.last_used, account.last_used_ms ? `${timeOfDay(account.last_used_ms)} UTC` : "never");
    while (this.limits.children.length > account.limits.length) this.limits.lastElementChild.remove();
    account.limits.forEach((limit, index) => {
      const row = this.limits.children[index] ?? this.limits.appendChild(limitTemplate.content.firstElementChild.cloneNode(true));
      showLimit(row, limit, nowMs);
    });
  }

  // What moves by itself: the time left.
  tick(nowMs) {
    const { status } = this.account;
    write(this.chip, countedDown(status.text, status.until_ms - nowMs));
  }

  get ticks() {
    const { status } = this.account;
    return status.until_ms > 0 && status.until_ms < NEVER_MS && status.text.includes("{");
  }

  looksLike(words, onlyTrouble) {
    const { name, status } = this.account;
    if (onlyTrouble && SERVING.has(status.word)) return false;
    return `${name} ${this.chip.textContent} ${status.word}`.toLowerCase().includes(words);
  }
}

function showLimit(row, limit, nowMs) {
  const unit = limit.metric === "cost" ? "cost" : limit.metric;
  const name = `${unit} per ${limit.window}`;
  const resets = limit.window !== "minute" && limit.resets_ms ? ` · resets ${instant(limit.resets_ms, nowMs)}` : "";
  const held = limit.reserved ? ` + ${amount(limit.metric, limit.reserved)} reserved` : "";
  const numbers = `${amount(limit.metric, limit.used)}${held} of ${amount(limit.metric, limit.amount)}${resets}`;
  write(row.querySelector(".nb-limit-name"), name);
  write(row.querySelector(".nb-limit-numbers"), numbers);
  const share = (number) => Math.min(100, (100 * number) / limit.amount);
  const bar = row.querySelector(".nb-bar");
  const full = Math.min(100, share(limit.used) + share(limit.reserved));
  bar.setAttribute("aria-label", name);
  bar.setAttribute("aria-valuenow", Math.round(full));
  bar.setAttribute("aria-valuetext", numbers);
  bar.dataset.full = full >= 100 ? "full" : full >= 80 ? "nearly" : "";
  bar.querySelector(".nb-used").style.width = `${share(limit.used)}%`;
  bar.querySelector(".nb-reserved").style.width = `${full - share(limit.used)}%`;
}

export class Cards {
  constructor(root) {
    this.list = root.querySelector("#live-cards");
    this.none = root.querySelector("#live-none");
    this.find = root.querySelector("#live-find");
    this.trouble = root.querySelector("#live-trouble");
    this.template = root.querySelector("#live-card");
    this.limitTemplate = root.querySelector("#live-limit");
    this.cards = new Map();
    this.find.addEventListener("input", () => this.sift());
    this.trouble.addEventListener("change", () => this.sift());
  }

  show({ full, accounts, gone }, nowMs) {
    if (full) gone = [...this.cards.keys()].filter((id) => !accounts.some((account) => account.id === id));
    for (const id of gone) this.remove(id);
    let moved = false;
    for (const account of accounts) {
      const known = this.cards.get(account.id);
      const card = known ?? new Card(this.template, account.id);
      moved ||= !known || known.account.place !== account.place;
      this.cards.set(account.id, card);
      card.show(account, nowMs, this.limitTemplate);
    }
    if (moved) this.arrange();
    this.sift();
  }

  remove(id) {
    this.cards.get(id)?.element.remove();
    this.cards.delete(id);
  }

  arrange() {
    const inOrder = [...this.cards.values()].sort((one, other) => one.account.place - other.account.place);
    this.list.append(...inOrder.map((card) => card.element));
  }

  sift() {
    const words = this.find.value.trim().toLowerCase();
    let shown = 0;
    for (const card of this.cards.values()) {
      const looks = card.looksLike(words, this.trouble.checked);
      if (card.element.hidden === looks) card.element.hidden = !looks;
      shown += looks;
    }
    this.none.hidden = shown > 0 || this.cards.size === 0;
  }

  tick(nowMs) {
    for (const card of this.cards.values()) if (card.ticks) card.tick(nowMs);
  }
}
