/**
 * Questions about single jobs, few at a time: tasks of one array that are asked for in the same moment are one question, and two at
 * most are under way. When 1,000 runners are lost at once that is some questions, and not 1,000. Owns the collecting; runs no command.
 */
import { setTimeout as delay } from "node:timers/promises"
import PQueue from "p-queue"
import type { JobDetail } from "./queue-row.ts"

/** How long tasks of one array are collected, in ms. */
const COLLECT_MS = 5
const AT_ONCE = 2

/** Asks for a job, a task (`12_3`) or all tasks of an array (`12`). Gives what is known, by id; nothing for what is forgotten. */
export type AskDetails = (id: string) => Promise<ReadonlyMap<string, JobDetail>>

export class Inquiry {
  readonly #ask: AskDetails
  readonly #line = new PQueue({ concurrency: AT_ONCE })
  /** Arrays, and which of their tasks are wanted. */
  readonly #gathered = new Map<string, { ids: Set<string>; answer: Promise<ReadonlyMap<string, JobDetail>> }>()

  constructor(ask: AskDetails) {
    this.#ask = ask
  }

  /** What the controller still knows of a job; undefined when it has forgotten it. @throws whatever asking throws */
  async about(id: string): Promise<JobDetail | undefined> {
    const [array, task] = id.split("_", 2)
    if (task === undefined) return (await this.#line.add(() => this.#ask(id))).get(id)
    let group = this.#gathered.get(array!)
    if (!group) {
      const ids = new Set<string>()
      group = { ids, answer: this.#gather(array!, ids) }
      this.#gathered.set(array!, group)
    }
    group.ids.add(id)
    return (await group.answer).get(id)
  }

  async #gather(array: string, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, JobDetail>> {
    await delay(COLLECT_MS)
    return await this.#line.add(() => {
      this.#gathered.delete(array) // who comes later may know of a later end
      return this.#ask(ids.size === 1 ? [...ids][0]! : array)
    })
  }
}
