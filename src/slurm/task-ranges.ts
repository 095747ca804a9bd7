/**
 * Tasks of one array as Slurm takes them in one word: `1234_[0-99,105]`. To the controller each word is one request, whatever the number
 * of tasks. Pure; knows no command.
 */

/** A word for a command line, and the jobs that it stands for. */
export interface JobWord {
  readonly word: string
  readonly ids: readonly string[]
}

/** `ids` in as few words as possible. Jobs that are no tasks keep their own. */
export function jobWords(ids: Iterable<string>): JobWord[] {
  const words: JobWord[] = []
  const arrays = new Map<string, number[]>()
  for (const id of new Set(ids)) {
    const [, array, task] = /^(\d+)_(\d+)$/.exec(id) ?? []
    if (array === undefined) words.push({ word: id, ids: [id] })
    else if (arrays.has(array)) arrays.get(array)!.push(Number(task))
    else arrays.set(array, [Number(task)])
  }
  for (const [array, tasks] of arrays) {
    tasks.sort((a, b) => a - b)
    const own = tasks.map(task => `${array}_${task}`)
    words.push({ word: tasks.length === 1 ? own[0]! : `${array}_[${ranges(tasks)}]`, ids: own })
  }
  return words
}

/** `0-3,7` for 0, 1, 2, 3, 7. */
function ranges(sorted: readonly number[]): string {
  const parts: string[] = []
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i]!
    while (sorted[i + 1] === sorted[i]! + 1) i++
    parts.push(sorted[i] === first ? String(first) : `${first}-${sorted[i]}`)
  }
  return parts.join(",")
}
