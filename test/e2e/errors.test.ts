/**
 * Things broken on purpose, through the public API as it is built: each mistake a newcomer can make gives an error that says
 * what was wrong, where, and what to do. (What only a real scheduler can refuse is in test/cluster.)
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { createPool, isFlameError, type Pool, type PoolOptions, slurm } from "slurm-flame"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"

// Private directories: what is left in them was left by these tests, whatever else runs on this machine.
let scratch: string
const at = (name: string) => join(scratch, name)
const fixture = (name: string) => new URL(`../fixtures/modules/errors/${name}`, import.meta.url)
const pools = new Set<Pool<any>>()

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "flame-test-errors-"))
  for (const name of ["tmp", "cache", "empty"]) mkdirSync(at(name))
  writeFileSync(at("syntax.ts"), "export const a = 1\nexport function train(x: number {\n}\n")
  writeFileSync(at("imports-missing.ts"), "import { load } from './data.ts'\nexport const train = () => load()\n")
})
beforeEach(() => {
  vi.stubEnv("TMPDIR", at("tmp"))
  vi.stubEnv("XDG_CACHE_HOME", at("cache"))
})
afterEach(async () => {
  for (const pool of pools) await pool.close({ timeout: 0 })
  pools.clear()
  vi.unstubAllEnvs()
})
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true })
})

/** A pool of runners on this machine that is closed after the test. */
function pool(module = "train.ts", options: Partial<PoolOptions> = {}): Pool<any> {
  const made = createPool<any>({ module: fixture(module), max: 1, logger: false, ...options })
  pools.add(made)
  return made
}

/** A pool whose runners would be jobs, were anything as it should be. */
function slurmPool(host: string, options: Partial<PoolOptions> = {}): Pool<any> {
  vi.stubEnv("SLURM_FLAME_HOST", host)
  vi.stubEnv("PATH", at("empty"))
  return pool("train.ts", { backend: slurm(), ...options })
}

const train = (made: Pool<any>, ...args: unknown[]) => made.api.train(...args)

async function iterate(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) expect.fail("nothing can come")
}

class Matrix {
  rows = 2
}

interface Row {
  /** The mistake. */
  mistake: string
  make(): unknown
  error: string
  code: string
  /** What the message says of the mistake. */
  says: RegExp
  /** What it says to do, in its hint. */
  todo: RegExp
  /** What the whole error shows beyond its message: where it happened, and its cause. */
  shows?: RegExp
}

const NO_EXPORT = { error: "NoExportError", code: "ERR_FLAME_NO_EXPORT" }
const MODULE = { error: "ModuleError", code: "ERR_FLAME_MODULE" }
const OPTION = { error: "OptionError", code: "ERR_FLAME_OPTION" }
const HOST = { error: "HostError", code: "ERR_FLAME_HOST" }
const BOOT = { error: "BootError", code: "ERR_FLAME_BOOT" }
const NOT_SERIALIZABLE = { error: "NotSerializableError", code: "ERR_FLAME_NOT_SERIALIZABLE" }
const CLOSED = { error: "PoolClosedError", code: "ERR_FLAME_POOL_CLOSED" }
const RELEASED = { error: "ReleasedError", code: "ERR_FLAME_RELEASED" }
const ABORTED = { error: "CallAbortedError", code: "ERR_FLAME_CALL_ABORTED" }
const HERE = /errors\.test\.ts:\d+/

const rows: Record<string, Row[]> = {
  "the module's exports": [
    {
      mistake: "a typo in a name",
      make: () => pool().api.trian(1),
      ...NO_EXPORT,
      says: /no function or data "trian"\. Did you mean "train"\?/,
      todo: /it exports: .*train/,
      shows: HERE,
    },
    {
      mistake: "a typo in a namespace",
      make: () => pool().api.settings.deep.twise(1),
      ...NO_EXPORT,
      says: /"settings\.deep\.twise"\. Did you mean "settings\.deep\.twice"\?/,
      todo: /it exports: /,
      shows: HERE,
    },
    {
      mistake: "a class that is called",
      make: () => pool().api.Model(),
      ...NO_EXPORT,
      says: /no function or data "Model"/,
      todo: /if it is a class, export a function that returns `proxy\(new Model\(\)\)`/,
    },
    {
      mistake: "data that is called",
      make: () => pool().api.settings(),
      ...NO_EXPORT,
      says: /settings is not a function/,
      todo: /await api\.settings/,
      shows: HERE,
    },
    {
      mistake: "a function taken for a namespace",
      make: () => pool().api.train.fast(1),
      ...NO_EXPORT,
      says: /"train\.fast"/,
      todo: /it exports: /,
    },
    {
      mistake: "a module without exports",
      make: () => train(pool("exports-nothing.mjs")),
      ...NO_EXPORT,
      says: /no function or data "train"/,
      todo: /exports nothing: add `export`/,
    },
    {
      mistake: "an assignment",
      make: () => {
        const api: Record<string, unknown> = pool().api
        api.settings = { rate: 1 }
      },
      ...OPTION,
      says: /api\.settings cannot be assigned/,
      todo: /export a function that changes its state/,
      shows: HERE,
    },
    {
      mistake: "a loop over what is no stream",
      make: () => iterate(pool().api.train(1)),
      error: "StateError",
      code: "ERR_FLAME_STATE",
      says: /did not return a stream/,
      todo: /`await` the call/,
    },
  ],
  "the module's file": [
    {
      mistake: "it is not there",
      make: () => pool("tarin.ts"),
      ...MODULE,
      says: /errors\/tarin\.ts does not exist/,
      todo: /did you mean .*errors\/train\.ts/,
      shows: HERE,
    },
    {
      mistake: "a relative path",
      make: () => pool("train.ts", { module: "./train.ts" }),
      ...OPTION,
      says: /neither a file URL nor an absolute path: "\.\/train\.ts"/,
      todo: /new URL\('\.\/train\.ts', import\.meta\.url\)/,
    },
    {
      mistake: "a syntax error",
      make: () => train(pool("", { module: at("syntax.ts") })),
      ...MODULE,
      says: /syntax\.ts:2:\d+: Expected "\)"/,
      todo: /mend the lines above/,
    },
    {
      mistake: "an import of a file that is not there",
      make: () => train(pool("", { module: at("imports-missing.ts") })),
      ...MODULE,
      says: /imports-missing\.ts:1:\d+: Could not resolve "\.\/data\.ts"/,
      todo: /mend the lines above/,
    },
    {
      mistake: "an import that is missing on the runner",
      make: () => train(pool("imports-missing.mjs")),
      ...MODULE,
      says: /cannot import .*imports-missing\.mjs: Cannot find module '.*not-there\.mjs'/,
      todo: /on a file system that this node shares with the parent/,
    },
    {
      mistake: "it throws while it is loaded",
      make: () => train(pool("throws.ts")),
      ...MODULE,
      says: /cannot import .*throws\.ts: no configuration at \/etc\/none\.json/,
      todo: /threw while it was being loaded: the cause has its own stack/,
      shows: /RangeError: no configuration[\s\S]*throws\.ts:11:/, // the user's own line, not the bundle's
    },
    {
      mistake: "it throws what is no error",
      make: () => train(pool("throws-text.mjs")),
      ...MODULE,
      says: /cannot import .*throws-text\.mjs: just a text/,
      todo: /threw while it was being loaded/,
    },
    {
      mistake: "it never finishes loading",
      make: () => train(pool("never-loads.mjs", { bootTimeout: "2s" })),
      error: "BootTimeoutError",
      code: "ERR_FLAME_BOOT_TIMEOUT",
      says: /not ready after 2s: its job is running, but no worker serves\. The job was cancelled/,
      todo: /finish loading \(top-level await\)/,
    },
    {
      mistake: "it ends the process while it is loaded",
      make: () => train(pool("exits.mjs")),
      ...BOOT,
      says: /job local-\d+ on .*\) ended before it was ready: exit code 3/,
      todo: /call process\.exit\(\) while it loads/,
    },
  ],
  "values that cannot cross": [
    {
      mistake: "a symbol",
      make: () => train(pool(), { id: Symbol("a") }),
      ...NOT_SERIALIZABLE,
      says: /^arguments\[0\]\.id cannot cross: it is a symbol/,
      todo: /send a string/,
      shows: HERE,
    },
    {
      mistake: "an instance of a class",
      make: () => train(pool(), 1, { layers: [new Matrix()] }),
      ...NOT_SERIALIZABLE,
      says: /^arguments\[1\]\.layers\[0\] cannot cross: it is an instance of Matrix/,
      todo: /plain data|proxy\(\)/,
    },
    {
      mistake: "a promise",
      make: () => train(pool(), { x: Promise.resolve(1) }),
      ...NOT_SERIALIZABLE,
      says: /^arguments\[0\]\.x cannot cross: it is a Promise/,
      todo: /await it first/,
    },
    {
      mistake: "a function inside a result",
      make: () => pool().api.results(),
      ...NOT_SERIALIZABLE,
      says: /^result\.kept\[1\]\.fn cannot cross: it is a function/,
      todo: /wrap it in proxy\(\)/,
      shows: HERE,
    },
    {
      mistake: "an instance inside a result",
      make: () => pool().api.instance(),
      ...NOT_SERIALIZABLE,
      says: /^result\.best cannot cross: it is an instance of Model/,
      todo: /registerClass\(Model\)|proxy\(\)/,
    },
  ],
  "what belongs together": [
    {
      mistake: "max left out",
      make: () => pool("train.ts", { max: undefined as never }),
      ...OPTION,
      says: /`max` is required/,
      todo: /max: 4/,
    },
    {
      mistake: "a misspelt option",
      make: () => pool("train.ts", { maxConcurency: 2 } as never),
      ...OPTION,
      says: /unknown option `maxConcurency`.*Did you mean `maxConcurrency`\?/,
      todo: /known: /,
      shows: HERE,
    },
    {
      mistake: "an option of the backend",
      make: () => pool("train.ts", { slurmJob: "#!/bin/bash" } as never),
      ...OPTION,
      says: /`slurmJob` is an option of the backend/,
      todo: /backend: slurm\(\{ slurmJob: … \}\)/,
    },
    {
      mistake: "min above max",
      make: () => pool("train.ts", { min: 2 }),
      ...OPTION,
      says: /`min` \(2\) is greater than `max` \(1\)/,
      todo: /raise `max` or lower `min`/,
    },
    ...["5 minutes", "-1s", "1h30m", "90"].map(text => ({
      mistake: `the duration "${text}"`,
      make: () => pool("train.ts", { timeout: text as never }),
      ...OPTION,
      says: new RegExp(`\`timeout\` is not a duration: "${text}"`),
      todo: /'30s', '5m', '2h', or Slurm's '1-12:00:00'/,
    })),
    {
      mistake: "a bad duration of one call",
      make: () => pool().with({ timeout: "soon" as never }),
      ...OPTION,
      says: /`timeout` is not a duration: "soon"/,
      todo: /'30s'/,
      shows: HERE,
    },
    {
      mistake: "a promise where a function is wanted",
      make: () => pool().call(Promise.resolve(1) as never),
      ...OPTION,
      says: /call\(\) takes a function, got Promise/,
      todo: /pool\.call\(api => api\.train\(x\)\)/,
      shows: HERE,
    },
  ],
  "Slurm and the network": [
    {
      mistake: "there is no sbatch",
      make: () => train(slurmPool("127.0.0.1")),
      error: "SlurmCommandError",
      code: "ERR_FLAME_SLURM_COMMAND",
      says: /sbatch.*PATH/,
      todo: /login node\?.*slurm module.*local\(\)/,
    },
    {
      mistake: "there is no sbatch for a lease",
      make: () => slurmPool("127.0.0.1").spawn(),
      error: "SlurmCommandError",
      code: "ERR_FLAME_SLURM_COMMAND",
      says: /sbatch.*PATH/,
      todo: /login node\?.*slurm module.*local\(\)/,
    },
    {
      mistake: "SLURM_FLAME_HOST is empty",
      make: () => train(slurmPool("")),
      ...HOST,
      says: /^SLURM_FLAME_HOST is empty/,
      todo: /it has these interfaces: .*lo 127\.0\.0\.1/,
    },
    {
      mistake: "SLURM_FLAME_HOST has two lines",
      make: () => train(slurmPool("10.0.0.1\n10.0.0.2")),
      ...HOST,
      says: /^SLURM_FLAME_HOST holds 2 words instead of one address: 10\.0\.0\.1 10\.0\.0\.2/,
      todo: /head -n1/,
    },
    {
      mistake: "SLURM_FLAME_HOST is a name",
      make: () => train(slurmPool("ib0")),
      ...HOST,
      says: /^SLURM_FLAME_HOST is not an IP address: "ib0"/,
      todo: /address of an interface, not a name/,
    },
    {
      mistake: "SLURM_FLAME_HOST has the network's length",
      make: () => train(slurmPool("10.0.0.1/24")),
      ...HOST,
      says: /not an IP address: "10\.0\.0\.1\/24"/,
      todo: /10\.0\.0\.1 \(`cut -d\/ -f1` does that\)/,
    },
    {
      mistake: "SLURM_FLAME_HOST is another machine's",
      make: () => slurmPool("203.0.113.9", { min: 1 }).ready(),
      ...HOST,
      says: /^SLURM_FLAME_HOST is 203\.0\.113\.9, which is not an address of this machine/,
      todo: /it has: /,
    },
    {
      mistake: "the interface is not there",
      make: () => {
        vi.stubEnv("SLURM_FLAME_HOST", undefined)
        return train(pool("train.ts", { backend: slurm({ interface: "ib77" }) }))
      },
      ...HOST,
      says: /the interface "ib77" does not exist here/,
      todo: /this machine has: /,
    },
  ],
  "what is over": [
    {
      mistake: "a call to a closed pool",
      make: async () => {
        const made = pool()
        await made.close()
        await made.api.train(1)
      },
      ...CLOSED,
      says: /train: the pool "train" is closed/,
      todo: /make another one with createPool\(\)/,
      shows: HERE,
    },
    {
      mistake: "spawn() of a closed pool",
      make: async () => {
        const made = pool()
        await made.close()
        await made.spawn()
      },
      ...CLOSED,
      says: /spawn\(\): the pool "train" is closed/,
      todo: /make another one/,
    },
    {
      mistake: "a call through a lease that was given back",
      make: async () => {
        const runner = await pool().spawn()
        await runner.release()
        await runner.closed
        await runner.api.train(1)
      },
      ...RELEASED,
      says: /train: the lease on runner train-\S+ is over, it was released/,
      todo: /spawn\(\) another one/,
      shows: HERE,
    },
    {
      mistake: "the port of a lease that was given back",
      make: async () => {
        const runner = await pool().spawn()
        await runner.release()
        return runner.endpoint
      },
      ...RELEASED,
      says: /endpoint: the lease on runner/,
      todo: /spawn\(\) another one/,
    },
    {
      mistake: "a call with an aborted signal",
      make: () =>
        pool()
          .with({ signal: AbortSignal.abort(new Error("no need")) })
          .train(1),
      ...ABORTED,
      says: /^train was aborted by its signal \(it had not started\)$/,
      todo: /^$/, // nothing: it is what the caller wanted
      shows: /no need/,
    },
    {
      mistake: "a held call with an aborted signal",
      make: () => pool().call(api => api.train(1), { signal: AbortSignal.abort() }),
      ...ABORTED,
      says: /^pool\.call was aborted/,
      todo: /^$/,
    },
    {
      mistake: "spawn() with an aborted signal",
      make: () => pool().spawn({ signal: AbortSignal.abort() }),
      ...ABORTED,
      says: /^spawn\(\) was aborted/,
      todo: /^$/,
    },
  ],
}

describe.each(Object.entries(rows))("%s", (_group, list) => {
  it.each(list)("$mistake", async ({ make, error: name, code, says, todo, shows }) => {
    const error: unknown = await new Promise(resolve => resolve(make())).then(
      value => expect.fail(`nothing was thrown, but this came: ${inspect(value)}`),
      thrown => thrown,
    )
    if (!isFlameError(error)) throw error
    expect(error.constructor.name).toBe(name)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(says)
    expect(error.hint ?? "").toMatch(todo)
    if (error.hint !== undefined) expect(error.message).toContain(error.hint)
    if (shows) expect(inspect(error)).toMatch(shows)
  })
})

describe("afterwards", () => {
  it("a pool that failed a caller serves the next one", async () => {
    const made = pool()
    await expect(made.api.trian()).rejects.toThrow(/trian/)
    await expect(made.api.results()).rejects.toThrow(/cannot cross/)
    await expect(made.api.train(Symbol("x"))).rejects.toThrow(/cannot cross/)
    expect(await made.api.train("x")).toBe("string")
    expect(made.stats().runners).toHaveLength(1)
  })

  it("no process, no directory of a runner and no bundle is left", () => {
    const built = new URL("../../dist/bin/", import.meta.url).pathname
    const children = execFileSync("ps", ["-o", "args=", "--ppid", String(process.pid)], { encoding: "utf8" })
    expect(children.split("\n").filter(args => args.includes(built))).toEqual([])
    expect(readdirSync(at("tmp"))).toEqual([])
    expect(readdirSync(join(at("cache"), "slurm-flame"))).toEqual([])
  })
})
