// Numbers and times as people read them. The server's `quota/times.py` says spans in the same way.

export const NEVER_MS = 2 ** 52;
const NANO = 1e9;
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

const whole = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export const count = (number) => (number < 100_000 ? whole.format(number) : short.format(number));

export function dollars(nano) {
  const amount = nano / NANO;
  return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: amount && amount < 0.1 ? 4 : 2 })}`;
}

export const amount = (metric, number) => (metric === "cost" ? dollars(number) : count(number));

export function timeOfDay(ms) {
  return new Date(ms).toISOString().slice(11, 19);
}

export function instant(ms, nowMs) {
  const text = new Date(ms).toISOString();
  if (ms - nowMs <= DAY) return `${text.slice(11, 16)} UTC`;
  return new Date(ms).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

export function about(leftMs) {
  const left = Math.max(0, leftMs);
  if (left < MINUTE) return `${Math.ceil(left / 1000)} s`;
  const minutes = Math.ceil(left / MINUTE);
  if (minutes < 60) return `${minutes} m`;
  if (left < DAY) return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
  const hours = Math.ceil(left / HOUR);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function clock(leftMs) {
  if (leftMs >= HOUR) return about(leftMs);
  const seconds = Math.ceil(Math.max(0, leftMs) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function countedDown(template, leftMs) {
  return template.replace("{clock}", clock(leftMs)).replace("{about}", about(leftMs));
}
