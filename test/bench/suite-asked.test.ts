/** The process that is asked: what becomes of questions when it throws, ends, is silent or is closed. */
import { fileURLToPath, pathToFileURL } from "node:url"
import { expect, onTestFinished, test } from "vitest"
import { Asked, Silence } from "../../bench/suite/asked.ts"

const PROGRAM = pathToFileURL(fileURLToPath(new URL("../fixtures/programs/answers.mjs", import.meta.url)))
const LONG = 20_000

function start() {
  const lost: string[] = []
  const asked = new Asked(PROGRAM, "the client of x", error => lost.push(error.message))
  onTestFinished(async () => void (await asked.close()))
  return { asked, lost }
}

test("answers come to their questions, whatever their order, and typed arrays as they are", async () => {
  const { asked } = start()
  const late = asked.ask("later", "late", LONG)
  expect(await asked.ask("echo", new Float64Array([1.5, 2]), LONG)).toEqual(new Float64Array([1.5, 2]))
  expect(await late).toBe("late")
})

test("what it throws is the question's own error, and it answers on", async () => {
  const { asked, lost } = start()
  await expect(asked.ask("throw", "no such thing", LONG)).rejects.toThrow("no such thing")
  expect(await asked.ask("echo", 1, LONG)).toBe(1)
  expect(lost).toEqual([])
})

test("when it ends, whoever waits is told how, and so is who asks later", async () => {
  const { asked, lost } = start()
  const waiting = asked.ask("never", undefined, LONG)
  await expect(asked.ask("exit", 3, LONG)).rejects.toThrow("the client of x ended (exit code 3)")
  await expect(waiting).rejects.toThrow("exit code 3")
  await expect(asked.ask("echo", 1, LONG)).rejects.toThrow("exit code 3")
  expect(lost).toEqual(["the client of x ended (exit code 3): what it said is above"])
})

test("one that is silent is ended", async () => {
  const { asked, lost } = start()
  expect(await asked.ask("echo", 1, LONG)).toBe(1)
  await expect(asked.ask("block", undefined, 50)).rejects.toThrow(
    /was silent for 0 s \(asked for block\), and was ended/,
  )
  await asked.close() // resolves when the process is gone; one that blocks does not go by itself
  expect(lost.length).toBe(1)
})

test("one that says that it is lost is, and one that is closed or given up is not told of", async () => {
  const told = start()
  await expect(told.asked.ask("lose", "the runner was lost", LONG)).rejects.toThrow("the runner was lost")
  expect(told.lost).toEqual(["the runner was lost"])

  const closed = start()
  const waiting = closed.asked.ask("never", undefined, LONG)
  const refused = expect(waiting).rejects.toThrow("the client of x was closed")
  await closed.asked.close()
  await refused
  expect(closed.lost).toEqual([])

  const abandoned = start()
  const other = abandoned.asked.ask("never", undefined, LONG)
  abandoned.asked.abandon(new Error("SIGINT"))
  await expect(other).rejects.toThrow("SIGINT")
  expect(abandoned.lost).toEqual([])
})

test("before one that is silent is blamed, it is asked elsewhere whose fault it is", async () => {
  const { asked, lost } = start()
  const why = async () => new Error("the runner is gone")
  await expect(asked.ask("never", undefined, 50, why)).rejects.toThrow("the runner is gone")
  expect(lost).toEqual(["the runner is gone"])

  const stuck = start()
  const nobody = async () => undefined
  await expect(stuck.asked.ask("never", undefined, 50, nobody)).rejects.toThrow(Silence)
})

test("an answer that comes while it is asked elsewhere counts", async () => {
  const { asked, lost } = start()
  // More than the limit lies between the two: the second question's answer proves that the first's has come.
  let second: Promise<unknown> | undefined
  const elsewhere = async () => {
    second = asked.ask("echo", "second", LONG)
    await second
    return new Error("too late")
  }
  expect(await asked.ask("after", 300, 50, elsewhere)).toBe(300)
  await second
  expect(lost).toEqual([])
})

test("one that never started is lost, and closed at once", async () => {
  const node = process.execPath
  process.execPath = "/no/such/node"
  try {
    const { asked, lost } = start()
    await expect(asked.ask("echo", 1, LONG)).rejects.toThrow("the client of x cannot be reached")
    await asked.close()
    expect(lost.length).toBe(1)
  } finally {
    process.execPath = node
  }
})
