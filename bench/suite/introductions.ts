/**
 * What the files of peers say of themselves. They are asked in another process, with a limit to it: whatever one does that is imported, it
 * does not do here. Owns that process; judges only whether an answer has the right shape.
 */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { PeerAbout } from "./client.ts"

/** A peer's `about`, and what its `missing` says where it has one. */
export interface Introduction {
  readonly about: PeerAbout
  readonly missing?: string
}

/** Why there is none. */
export interface NoIntroduction {
  readonly error: string
}

export type Introduced = Introduction | NoIntroduction

/** For all files at once, where nothing is wrong: a second or less. */
const TOGETHER_MS = 5_000
/** For one that did not answer then, in a process of its own: by now whatever it starts to find out is in the memory. */
const ALONE_MS = 10_000

/** Two levels up both from bench/suite and from dist/bench. */
const PROGRAM = fileURLToPath(new URL("../../bench/peers/lib/about.mjs", import.meta.url))

/**
 * Asks them all in one process; whoever had no answer, because of another's fault or its own, once more in one for itself.
 * @param urls of the files
 * @param limits in ms, for all together and for one alone
 * @returns for each of `urls`
 */
export async function introductions(
  urls: readonly string[],
  limits = { together: TOGETHER_MS, alone: ALONE_MS },
): Promise<Map<string, Introduced>> {
  const heard = await ask(urls, limits.together)
  const rest = urls.filter(url => !heard.answers.has(url))
  const again = await Promise.all(rest.map(async url => ({ url, ...(await ask([url], limits.alone)) })))
  for (const { url, answers, why } of again) heard.answers.set(url, answers.get(url) ?? { error: why })
  return heard.answers
}

interface Heard {
  readonly answers: Map<string, Introduced>
  /** Why there are no more. */
  readonly why: string
}

function ask(urls: readonly string[], ms: number): Promise<Heard> {
  const answers = new Map<string, Introduced>()
  if (urls.length === 0) return Promise.resolve({ answers, why: "" })
  return new Promise(resolve => {
    // What they write is not the suite's output.
    const child = fork(PROGRAM, [...urls], { stdio: ["ignore", "ignore", "ignore", "ipc"] })
    const end = (why: string) => {
      clearTimeout(timer)
      child.kill("SIGKILL")
      resolve({ answers, why })
    }
    const timer = setTimeout(
      () => end(`it does not say who it is within ${ms / 1_000} s: an import, or its \`missing\`, does not end`),
      ms,
    )
    child.on("message", message => {
      const { file, ...words } = message as { file: string }
      if (!urls.includes(file)) return
      answers.set(file, read(words))
      if (answers.size === urls.length) end("")
    })
    child.once("error", error => end(error.message))
    child.once("exit", (code, signal) =>
      end(`it ended the process that imported it (${signal ?? `exit code ${code}`})`),
    )
  })
}

/** Whatever came, as what it should be. */
function read(answer: { about?: unknown; missing?: unknown; error?: unknown }): Introduced {
  if (answer.error !== undefined) return { error: String(answer.error) }
  const about = answer.about as PeerAbout | undefined
  if (typeof about !== "object" || about === null) return { error: "it exports no `about`" }
  const { name, kind, how, needs = [], maxBytes = 0 } = about
  const wrong = (what: string) => ({ error: `its about.${what}` })
  if (!isWords(name)) return wrong("name is no words")
  if (kind !== "wire" && kind !== "local") return wrong('kind is neither "wire" nor "local"')
  if (!isWords(how)) return wrong("how is no words")
  if (!Array.isArray(needs) || !needs.every(isWords)) return wrong("needs is no list of names")
  if (typeof maxBytes !== "number") return wrong("maxBytes is no number")
  const { missing } = answer
  if (missing === undefined || missing === null || missing === "") return { about }
  return isWords(missing) ? { about, missing } : { error: "its `missing` gives no words" }
}

function isWords(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== ""
}
