/**
 * The program of a stage: a process that holds one crew and does with it what it is asked, one work at a time. Owns the end of it: whatever
 * happens to who asks, its crew is closed and it ends.
 */
import type { Answer, Question } from "../asked.ts"
import type { Crew, CrewAbout, CrewSpec } from "./crew.ts"
import { type OptionsOf, type WorkName, works } from "./works.ts"

/** Whatever closing waits for must not keep the process. Milliseconds. */
const CLOSE_MS = 15_000

let opening: Promise<Crew> | undefined

process.on("message", async (question: Question) => {
  try {
    tell({ id: question.id, result: await answerTo(question) })
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    tell({ id: question.id, error: { message, stack } })
  }
})

process.once("disconnect", async () => {
  setTimeout(() => process.exit(1), CLOSE_MS).unref()
  try {
    await (await opening)?.close()
    process.exit()
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
})

// Ctrl-C reaches all processes of the terminal: the suite decides, and closes this one.
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined)

function answerTo({ ask, with: what }: Question): Promise<unknown> {
  if (ask === "open") return opened(what as CrewSpec)
  if (ask === "work") return worked(what as { name: WorkName; options: never })
  throw new Error(`a stage can be asked to open or to work, not for ${ask}`)
}

async function opened(spec: CrewSpec): Promise<CrewAbout> {
  opening = open(spec)
  try {
    return (await opening).about
  } catch (error) {
    opening = undefined // it has closed what it had
    throw error
  }
}

/** Each kind is loaded when it is wanted: nobody's process has the others' code in it. */
async function open(spec: CrewSpec): Promise<Crew> {
  if (spec.kind === "runners") return await (await import("./runners.ts")).Runners.open(spec)
  if (spec.kind === "threads") return await (await import("./threads.ts")).Threads.open(spec)
  return await (await import("./piscina.ts")).PiscinaCrew.open(spec)
}

async function worked<W extends WorkName>({ name, options }: { name: W; options: OptionsOf<W> }): Promise<unknown> {
  if (opening === undefined) throw new Error("this stage has no crew: ask it to open one first")
  return await works[name](await opening, options)
}

function tell(answer: Answer): void {
  // Who asked may be gone at any time: `disconnect` follows, and ends this.
  process.send?.(answer, undefined, undefined, () => undefined)
}
