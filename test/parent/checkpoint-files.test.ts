import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { CheckpointFiles } from "../../src/parent/checkpoint-files.ts"
import { sweep, UNSEEN_MS } from "../../src/parent/checkpoint-room.ts"
import { type Logger, silentLogger } from "../../src/parent/logger.ts"
import { CheckpointError, NotSerializableError } from "../../src/shared/errors.ts"
import { ownMark } from "../../src/shared/process-mark.ts"

const PROGRAM = join(import.meta.dirname, "../fixtures/programs/checkpoints.mjs")
const ELSEWHERE = { ...ownMark(), host: "other", boot: "0000" }

/** A user's state directory, and the pools that keep something there. */
class Scene {
  readonly home = mkdtempSync(join(tmpdir(), "flame-checkpoints-"))
  readonly warnings: string[] = []
  readonly logger: Logger = { ...silentLogger, warn: (_fields, message) => void this.warnings.push(message ?? "") }
  readonly root = join(this.home, "slurm-flame", "checkpoints")
  readonly kept = { checkpoints: join(this.home, "slurm-flame", "pools", "sweep", "checkpoints"), held: true }

  constructor() {
    vi.stubEnv("XDG_STATE_HOME", this.home)
    onTestFinished(() => {
      vi.unstubAllEnvs()
      rmSync(this.home, { recursive: true, force: true })
    })
  }

  /** Of an ordinary pool. */
  ordinary(): CheckpointFiles {
    return new CheckpointFiles("train", this.logger)
  }

  /** Of a pool that persists; again: its next parent. */
  persistent(): CheckpointFiles {
    return new CheckpointFiles("sweep", this.logger, this.kept)
  }

  files(directory = this.home): string[] {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter(entry => !entry.isDirectory())
      .map(entry => entry.name)
      .sort()
  }

  /** The one file of a call with an id. */
  get file(): string {
    return join(this.kept.checkpoints, this.files(this.kept.checkpoints)[0]!)
  }

  run(...args: string[]) {
    const env = { ...process.env, XDG_STATE_HOME: this.home, SLURM_FLAME_LOG: "silent" }
    return spawnSync(process.execPath, ["--expose-gc", PROGRAM, ...args], { encoding: "utf8", env })
  }
}

const stateOf = async (checkpoint: { load(): Promise<{ value: unknown } | undefined> }) =>
  (await checkpoint.load())?.value

describe("the checkpoint of a call", () => {
  it("touches nothing before something is kept", async () => {
    const scene = new Scene()
    for (const store of [scene.ordinary(), scene.persistent()]) {
      const checkpoint = store.open("train", "one")
      expect(await checkpoint.load()).toBeUndefined()
      await checkpoint.forget()
      await store.close()
    }
    expect(readdirSync(scene.home)).toEqual([])
    expect(scene.warnings).toEqual([])
  })

  it("is the newest that was kept, for this user alone, until the call is over", async () => {
    const scene = new Scene()
    const store = scene.ordinary()
    const checkpoint = store.open("data.train")
    await checkpoint.save({ n: 1 })
    const before = Date.now()
    await checkpoint.save({ n: 2, weights: new Float64Array([0.5]) })
    const loaded = await checkpoint.load()
    expect(loaded?.value).toEqual({ n: 2, weights: new Float64Array([0.5]) })
    expect(loaded!.at.getTime()).toBeGreaterThanOrEqual(before)
    expect(scene.files()).toEqual(["1-data.train.checkpoint", "owner.json"])
    const [directory] = readdirSync(scene.root)
    expect(statSync(join(scene.root, directory!)).mode & 0o777).toBe(0o700)
    expect(statSync(join(scene.root, directory!, "1-data.train.checkpoint")).mode & 0o777).toBe(0o600)
    await checkpoint.forget()
    expect(scene.files()).toEqual(["owner.json"])
    expect(await checkpoint.load()).toBeUndefined()
    await expect(checkpoint.save({ n: 3 })).rejects.toThrow(/train\(\) is over/)
  })

  it("has a time that only goes on, whatever the clock does", async () => {
    const scene = new Scene()
    await scene.persistent().open("train", "one").save(1)
    const checkpoint = scene.persistent().open("train", "one")
    const first = (await checkpoint.load())!.at
    vi.setSystemTime(new Date(first.getTime() - 3_600_000)) // another login node's
    onTestFinished(() => void vi.useRealTimers())
    await checkpoint.save(2)
    expect((await checkpoint.load())!.at.getTime()).toBeGreaterThan(first.getTime())
  })

  it("is nobody else's", async () => {
    const store = new Scene().ordinary()
    const [one, other] = [store.open("train"), store.open("train")]
    await Promise.all([one.save(1), other.save(2)])
    expect([await stateOf(one), await stateOf(other)]).toEqual([1, 2])
  })

  it("is written once for all that came while another was being written", async () => {
    const checkpoint = new Scene().ordinary().open("train")
    let written = 0
    const saves = Array.from({ length: 50 }, (_, n) => {
      const value = {
        get n() {
          written += 1
          return n
        },
      }
      return checkpoint.save(value)
    })
    const early = checkpoint.load() // what is being kept is newer than what is there
    await Promise.all(saves)
    expect(written).toBe(2)
    expect((await early)?.value).toEqual({ n: 49 })
  })

  it("stays when a newer one cannot be kept, and each who waits for that is told", async () => {
    const scene = new Scene()
    const checkpoint = scene.ordinary().open("train")
    await checkpoint.save(1)
    const results = await Promise.allSettled([checkpoint.save(2), checkpoint.save(3), checkpoint.save({ f() {} })])
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"])
    expect((results[2] as PromiseRejectedResult).reason).toBeInstanceOf(NotSerializableError)
    expect(await stateOf(checkpoint)).toBe(2)
    await checkpoint.save(4)
    expect(await stateOf(checkpoint)).toBe(4)
    expect(scene.files()).toEqual(["1-train.checkpoint", "owner.json"]) // and no half of one
  })

  it("that is forgotten while it is being kept leaves nothing", async () => {
    const scene = new Scene()
    const checkpoint = scene.ordinary().open("train")
    const saves = [checkpoint.save(1), checkpoint.save(2)]
    await checkpoint.forget()
    await Promise.all(saves) // nobody hangs
    expect(scene.files()).toEqual(["owner.json"])
  })

  it("that somebody removed is not taken for none, and the next one is kept", async () => {
    const scene = new Scene()
    const checkpoint = scene.ordinary().open("train")
    await checkpoint.save(1)
    rmSync(scene.root, { recursive: true })
    await expect(checkpoint.load()).rejects.toThrow(/train\(\).*cannot be used: it is gone.*\n.*from the start/)
    await checkpoint.save(2)
    expect(await stateOf(checkpoint)).toBe(2)
  })

  it("of a pool that is closed is gone", async () => {
    const scene = new Scene()
    const store = scene.ordinary()
    await store.open("train").save(1)
    await store.close()
    await store.close()
    expect(readdirSync(scene.root)).toEqual([])
  })
})

describe("where nothing can be kept", () => {
  it("says which call's it is, where, why and what to do", async () => {
    const scene = new Scene()
    writeFileSync(join(scene.home, "slurm-flame"), "in the way")
    const checkpoint = scene.ordinary().open("train")
    const failure: unknown = await checkpoint.save(1).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CheckpointError)
    expect((failure as Error).message).toMatch(/^the checkpoint of train\(\) cannot be kept: .*slurm-flame/)
    rmSync(join(scene.home, "slurm-flame"))
    await checkpoint.save(2) // the next one may
    expect(await stateOf(checkpoint)).toBe(2)
  })

  it("says so of a home that may not be written", async context => {
    context.skip(process.getuid?.() === 0, "root may write everywhere")
    const scene = new Scene()
    chmodSync(scene.home, 0o500)
    const saving = scene.ordinary().open("train").save(1)
    await expect(saving).rejects.toThrow(/this user may not write there.*\n.*XDG_STATE_HOME/)
    chmodSync(scene.home, 0o700)
  })

  it.each<[string, (scene: Scene) => void]>([
    ["may be written by others", scene => mkdirSync(scene.root, { recursive: true }) && chmodSync(scene.root, 0o777)],
    [
      "is a link to somewhere",
      scene => {
        mkdirSync(join(scene.home, "slurm-flame"), { mode: 0o700 })
        mkdirSync(join(scene.home, "else"), { mode: 0o700 })
        symlinkSync(join(scene.home, "else"), scene.root)
      },
    ],
  ])("trusts no directory that %s", async (_what, make) => {
    const scene = new Scene()
    make(scene)
    await expect(scene.ordinary().open("train").save(1)).rejects.toThrow(
      /cannot be kept: .*may be written by others.*\n.*hint/,
    )
    expect(scene.files().filter(name => name.endsWith("checkpoint"))).toEqual([])
  })
})

describe("the checkpoint of a call with an id, in a pool that persists", () => {
  it("is there for the pool's next parent, and goes when the call has succeeded", async () => {
    const scene = new Scene()
    const store = scene.persistent()
    await store.open("train", "one/../two").save({ n: 1 })
    await store.close() // the call failed, or was cut off
    const next = scene.persistent()
    const checkpoint = next.open("train", "one/../two")
    expect(await stateOf(checkpoint)).toEqual({ n: 1 })
    expect(await next.open("train", "another").load()).toBeUndefined()
    await checkpoint.forget()
    await next.close()
    expect(existsSync(scene.kept.checkpoints)).toBe(false)
  })

  it("is one however often it is opened, and a new one after it is over", async () => {
    const store = new Scene().persistent()
    const first = store.open("train", "one")
    expect(store.open("train", "one")).toBe(first)
    await first.save(1)
    await first.forget()
    const second = store.open("train", "one")
    await second.save(2)
    expect(await stateOf(second)).toBe(2)
  })

  it("is not found by a call of the same id that comes while it goes, and takes nothing of that along", async () => {
    const store = new Scene().persistent()
    const first = store.open("train", "one")
    await first.save(1)
    const going = [first.save(2), first.forget()]
    const second = store.open("train", "one")
    expect(await second.load()).toBeUndefined()
    await second.save(3)
    await Promise.all(going)
    expect(await stateOf(second)).toBe(3)
  })

  it("outlives calls without an id, which go with the run", async () => {
    const scene = new Scene()
    const store = scene.persistent()
    await Promise.all([store.open("train").save(1), store.open("train", "one").save(2)])
    await store.close()
    expect(scene.files()).toHaveLength(1)
    expect(await stateOf(scene.persistent().open("train", "one"))).toBe(2)
  })

  it("is not another function's", async () => {
    const scene = new Scene()
    await scene.persistent().open("train", "one").save(1)
    await expect(scene.persistent().open("fit", "one").load()).rejects.toThrow(
      /that of train\(\), whose call had the same id.*\n.*mv /,
    )
  })

  it("is not written by a program that has lost the pool", async () => {
    const scene = new Scene()
    const lost = { ...scene.kept }
    const old = new CheckpointFiles("sweep", scene.logger, lost).open("train", "one")
    await old.save(1)
    await scene.persistent().open("train", "one").save(2)
    lost.held = false
    await expect(old.save(3)).rejects.toThrow(/another program has taken this pool/)
    expect(await stateOf(scene.persistent().open("train", "one"))).toBe(2)
    expect(scene.files()).toHaveLength(1)
  })

  it.each<[string, (file: string) => void, RegExp]>([
    ["is torn", file => writeFileSync(file, readFileSync(file).subarray(0, 100)), /no whole value/],
    ["is something else", file => writeFileSync(file, "x".repeat(300)), /does not begin as one/],
    ["is empty", file => writeFileSync(file, ""), /ends too early/],
    ["may be written by others", file => chmodSync(file, 0o666), /may be written by others/],
    [
      "is a link",
      file => {
        renameSync(file, `${file}.1`)
        symlinkSync(`${file}.1`, file)
      },
      /symbolic link/,
    ],
    [
      "is a directory",
      file => {
        rmSync(file)
        mkdirSync(file)
      },
      /no file/,
    ],
    [
      "is a pipe",
      file => {
        rmSync(file)
        spawnSync("mkfifo", [file])
      },
      /no file/,
    ],
  ])("that %s is refused, and left as it is", async (_what, damage, why) => {
    const scene = new Scene()
    await scene.persistent().open("train", "one").save({ n: 1 })
    const { file } = scene
    damage(file)
    const loading = scene.persistent().open("train", "one").load()
    await expect(loading).rejects.toThrow(CheckpointError)
    await expect(loading).rejects.toThrow(why)
    await expect(loading).rejects.toThrow(file)
    expect(existsSync(file)).toBe(true)
  })

  it("is whole, one of the last two, whenever its program is killed", async () => {
    const scene = new Scene()
    let kept = 0
    for (let round = 0; round < 25; round++) {
      const child = spawn(process.execPath, [PROGRAM, "loop", scene.kept.checkpoints, String(kept + 1)], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, XDG_STATE_HOME: scene.home },
      })
      const ended = once(child, "exit")
      let begun = 0
      const least = 1 + Math.floor(Math.random() * 4)
      for await (const line of createInterface({ input: child.stdout! })) {
        const said = JSON.parse(line) as { begins?: number; kept?: number }
        if (said.begins !== undefined) begun = said.begins
        if (said.kept !== undefined) kept = said.kept
        // A moment within the next save.
        if (said.begins === kept + 1 && begun % 4 === least % 4)
          setTimeout(() => child.kill("SIGKILL"), Math.random() * 6)
      }
      await ended
      const found = (await stateOf(scene.persistent().open("train", "one"))) as
        | { n: number; weights: Uint32Array }
        | undefined
      const n = found?.n ?? 0
      expect([kept, begun], `round ${round}`).toContain(n)
      if (found) {
        expect(found.weights.length).toBe(100_000 + 20_000 * (n % 7))
        expect(found.weights.every(weight => weight === n)).toBe(true)
      }
      kept = n
    }
    // What the last one began is taken away by whoever keeps the next.
    const checkpoint = scene.persistent().open("train", "one")
    await checkpoint.save({ n: 0 })
    expect(scene.files()).toHaveLength(1)
  }, 60_000)
})

it("takes and gives 200 MiB with one copy in memory, and lets others have their turns", () => {
  const run = new Scene().run("large", "200")
  const { saved, held, loaded, whole } = JSON.parse(run.stdout)
  expect(whole).toBe(true)
  expect(saved.turns).toBeGreaterThan(100)
  expect(loaded.turns).toBeGreaterThan(100)
  expect(saved.mib).toBeLessThan(60) // beside the value
  expect(held).toBeLessThan(2) // nothing of it afterwards
  expect(loaded.mib).toBeLessThan(260)
}, 120_000)

describe("what a parent leaves that ends without a word", () => {
  it.each([
    ["exits", "exit", 3],
    ["throws", "throw", 1],
  ])("is nothing when it %s", (_how, how, status) => {
    const scene = new Scene()
    const run = scene.run("once", how)
    expect(run.status).toBe(status)
    expect(run.stdout).toContain("kept") // it was there
    expect(readdirSync(scene.root)).toEqual([])
  })

  it("is deleted by the next one when it was killed", async () => {
    const scene = new Scene()
    expect(scene.run("once", "kill").signal).toBe("SIGKILL")
    const [left] = readdirSync(scene.root)
    const store = scene.ordinary()
    await store.open("train").save(1)
    await vi.waitFor(() => expect(readdirSync(scene.root)).not.toContain(left))
    expect(scene.files()).toEqual(["1-train.checkpoint", "owner.json"])
    await store.close()
  })

  it("is deleted where the parent is certainly dead, or unseen and old, and nowhere else", async () => {
    const scene = new Scene()
    const { pid } = spawnSync(process.execPath, ["-e", ""])
    const dead = { ...ownMark(), pid: pid!, started: "1" }
    const old = (Date.now() - UNSEEN_MS) / 1000 - 60
    const leave = (name: string, owner: object | string | undefined, at?: number) => {
      const path = join(scene.root, name)
      mkdirSync(path, { recursive: true })
      if (owner)
        writeFileSync(
          join(path, "owner.json"),
          typeof owner === "string" ? owner : JSON.stringify({ v: 1, parent: owner }),
        )
      writeFileSync(join(path, "1-train.checkpoint"), "x")
      if (at !== undefined) utimesSync(path, at, at)
    }
    leave("dead-AbC123", dead)
    leave("old-elsewhere-AbC123", ELSEWHERE, old)
    leave("old-unmarked-AbC123", undefined, old)
    leave(".old-making-AbC123", undefined, old)
    leave("old-cut-AbC123", '{"v":1,"par', old)
    leave("alive-AbC123", ownMark(), old)
    leave("elsewhere-AbC123", ELSEWHERE)
    leave("unmarked-AbC123", undefined)
    leave("not ours", dead)
    leave("other", dead)
    writeFileSync(join(scene.root, "file-AbC123"), "x")
    symlinkSync(scene.home, join(scene.root, "link-AbC123"))
    await sweep(scene.root, scene.logger)
    const kept = [
      "alive-AbC123",
      "elsewhere-AbC123",
      "file-AbC123",
      "link-AbC123",
      "not ours",
      "other",
      "unmarked-AbC123",
    ]
    expect(readdirSync(scene.root).sort()).toEqual(kept)
    expect(scene.warnings).toEqual([])
  })
})
