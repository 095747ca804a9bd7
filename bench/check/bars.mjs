/**
 * What this project promised of its own speed: every bar, once. The benchmarks take their limits from here, and `npm run bench:check`
 * holds them against fresh measurements. Owns numbers and words; knows nothing of how anything is measured.
 *
 * A bar's figure is the subject's divided by that of `base` in the same round, or the subject's own in `unit` where there is no base.
 * `brief`: measured with --brief, too. `known`: why it is known to be missed, as docs/performance.md has it.
 */

const TRANSPORT = "transport: the fastest and the safest RPC"
const POOL = "pool: all of FLAME's semantics"
const MAIN = "the main job, end to end"

const ROWS_KNOWN = "the Set that keeps shared references shared is what plain rows pay for: 1.19 (TLS 1.31)"

/** One bar for each way that the memory of a first call of 64 MiB may be held: who sends how, and on which side. */
function memoryBars() {
  const ways = {
    transfer: { subject: "ours plain, transfer()", brief: true },
    copy: { subject: "ours plain", brief: true },
    "tls-transfer": { subject: "ours TLS, transfer()", brief: false },
    "tls-copy": { subject: "ours TLS", brief: false },
  }
  const known = {
    "transfer/callee": "1.54 payloads; raw TCP, measured the same way, takes 1.51",
    "copy/caller": "1.55 payloads: the default copies, as postMessage does; raw ws takes 3.0",
    "copy/callee": "2.52 payloads: the default copies, as postMessage does; raw ws takes 2.0",
  }
  return Object.entries(ways).flatMap(([way, { subject, brief }]) =>
    ["caller", "callee"].map(side => ({
      id: `memory/${way}/${side}`,
      group: "memory",
      what: `first echo of 64 MiB, peak memory of the ${side}`,
      subject,
      unit: "payloads",
      atMost: 1.4,
      from: TRANSPORT,
      brief,
      known: known[`${way.replace("tls-", "")}/${side}`],
    })),
  )
}

/** Two bars for each direction and way to send: how long small calls wait, and what they cost the bulk. */
function holBars() {
  const ways = {
    transfer: { subject: "ours plain, transfer()", brief: true },
    copy: { subject: "ours plain", brief: false },
    "tls-transfer": { subject: "ours TLS, transfer()", brief: false },
  }
  const known = {
    "up/transfer/bulk": "0.87, of three rounds a run",
    "up/tls-transfer/bulk": "0.79, of three rounds a run",
    "down/copy/p99": "12.5 ms: the runner copies before it sends; transfer() takes 7.6",
  }
  return ["up", "down"].flatMap(direction =>
    Object.entries(ways).flatMap(([way, { subject, brief }]) => {
      const where = direction === "up" ? "to the runner" : "from the runner"
      const common = { group: "hol", subject, from: TRANSPORT, brief }
      return [
        {
          id: `hol/${direction}/${way}/p99`,
          what: `small call beside 256 MiB ${where}, p99`,
          unit: "ms",
          atMost: 8,
          ...common,
        },
        {
          id: `hol/${direction}/${way}/bulk`,
          what: `the 256 MiB ${where} meanwhile, GB/s`,
          base: "alone",
          atLeast: 0.9,
          ...common,
        },
      ].map(bar => ({ ...bar, known: known[bar.id.slice("hol/".length)] }))
    }),
  )
}

function flightBars() {
  return [
    ["plain", "ours plain"],
    ["tls", "ours TLS"],
  ].flatMap(([id, subject]) => {
    const common = { group: "flight", subject, from: TRANSPORT, brief: true }
    const rate = { base: "raw ws", atLeast: 0.8, ...common }
    return [
      { id: `flight/64/${id}`, what: "small calls/s, 64 in flight", ...rate },
      { id: `flight/1024/${id}`, what: "small calls/s, 1,024 in flight", ...rate },
      {
        id: `flight/10000/${id}`,
        what: "cost of a call, 10,000 in flight",
        base: "at 64",
        atMost: 1.3,
        ...common,
      },
    ]
  })
}

function poolBars() {
  const sizes = { 10: false, 100: false, 1000: false, 10000: true }
  return Object.entries(sizes).flatMap(([size, brief]) => {
    const runners = Number(size).toLocaleString("en-US")
    const common = { group: "pool", subject: `${runners} runners`, from: POOL }
    const cost = "CPU of a pool's call, 100,000 queued"
    const own = { id: `pool/${size}/us`, what: cost, unit: "us", atMost: 15, brief: true, ...common }
    if (size === "10") return [own]
    const known =
      size === "10000" ? "1.73 to 1.78: what a call touches of so many runners is in no cache any more" : undefined
    const ratio = { id: `pool/${size}`, what: cost, base: "10 runners", atMost: 1.5, known, ...common }
    return [
      { ...ratio, brief },
      { ...own, brief },
    ]
  })
}

/** Every bar, in the order in which they are measured and told. */
export const BARS = [
  {
    id: "small/plain",
    group: "small",
    what: "small call, one at a time, p50",
    subject: "ours plain",
    base: "raw ws",
    atMost: 1.4,
    from: TRANSPORT,
    brief: true,
    known: "1.42 to 1.58, and 1.37 where no core goes idle: most of it is the waking of the other process",
  },
  {
    id: "small/tls",
    group: "small",
    what: "small call, one at a time, p50",
    subject: "ours TLS",
    base: "ours plain",
    atMost: 1.25,
    from: TRANSPORT,
    brief: true,
  },
  ...flightBars(),
  ...[
    ["transfer", "ours plain, transfer()"],
    ["copy", "ours plain"],
  ].flatMap(([way, subject]) => {
    const common = { group: "bulk", what: "Float64Array of 64 MiB, echo, GB/s", subject, from: TRANSPORT, brief: true }
    const known = way === "copy" ? "0.83: the default copies on both sides; transfer() meets it" : undefined
    return [
      { id: `bulk/${way}/ws`, base: "raw ws", atLeast: 1.1, ...common },
      { id: `bulk/${way}/tcp`, base: "raw TCP", atLeast: 0.95, known, ...common },
    ]
  }),
  ...memoryBars(),
  ...holBars(),
  ...[
    ["plain", "ours plain"],
    ["tls", "ours TLS"],
  ].flatMap(([id, subject]) => {
    const common = { group: "rows", subject, from: TRANSPORT, brief: true }
    return [
      {
        id: `rows/plain/${id}`,
        what: "10,000 plain rows, echo",
        base: "raw ws + JSON",
        atMost: 1.05,
        known: ROWS_KNOWN,
        ...common,
      },
      {
        id: `rows/rich/${id}`,
        what: "10,000 rows with Date, Map, BigInt, echo",
        base: "raw ws + v8.serialize",
        atMost: 2,
        ...common,
      },
    ]
  }),
  ...poolBars(),
  {
    id: "cold/first-result",
    group: "cold",
    what: "spawn() on an empty local pool to the first result",
    subject: "ours TLS",
    unit: "ms",
    atMost: 300,
    from: MAIN,
    brief: true,
  },
  {
    id: "idle/1000",
    group: "idle",
    what: "a parent's CPU, beyond that of one without a runner",
    subject: "1,000 idle runners",
    unit: "% of a core",
    atMost: 1,
    from: POOL,
    brief: false,
  },
]

/**
 * The limit of a bar alone: `{ atMost }` or `{ atLeast }`, for a benchmark that has its own words for the rest.
 * @throws Error when there is no such bar
 */
export function limit(id) {
  const bar = BARS.find(bar => bar.id === id)
  if (!bar) throw new Error(`no bar "${id}" in bench/check/bars.mjs`)
  return bar.atMost === undefined ? { atLeast: bar.atLeast } : { atMost: bar.atMost }
}
