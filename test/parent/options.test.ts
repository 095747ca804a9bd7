import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it, vi } from "vitest"
import { checkCallOptions } from "../../src/parent/call-options.ts"
import { rejectUnknown } from "../../src/parent/option-checks.ts"
import { checkPoolOptions, type PoolOptions } from "../../src/parent/pool-options.ts"
import type { Backend } from "../../src/shared/backend.ts"
import { ModuleError, OptionError } from "../../src/shared/errors.ts"

const HERE = fileURLToPath(import.meta.url)
const backend = { name: "test", submit() {}, validate: vi.fn() } as unknown as Backend
const check = (part: object, inRunner = false) =>
  checkPoolOptions({ module: HERE, max: 4, ...part } as PoolOptions, { backend: () => backend, inRunner })

describe("createPool refuses", () => {
  // What is wrong, the option that is named, what the message says.
  const rows: [object, string, RegExp][] = [
    [
      { maxConcurency: 2 },
      "maxConcurency",
      /unknown option `maxConcurency` of createPool\. Did you mean `maxConcurrency`\?\n.*known: module,/,
    ],
    [{ idleTimeout: 1 }, "idleTimeout", /unknown option.*\n.*idleShutdownAfter/],
    [{ slurmJob: "#!/bin/bash" }, "slurmJob", /option of the backend.*\n.*backend: slurm\(\{ slurmJob: … \}\)/],
    [{ partition: "gpu" }, "partition", /option of the backend/],
    [{ persist: true }, "name", /a pool that persists needs a `name`/],
    [{ persist: true, name: "a", singleUse: true }, "persist", /contradict each other/],
    [{ persist: true, name: "a" }, "persist", /the backend "test" cannot take jobs of another program back/],
    [
      { persist: true, name: "a", backend: { ...backend, adopt() {}, runnersPerJob: 2 } },
      "persist",
      /not for jobs that several runners share.*\n.*leave `runnersPerJob` out/,
    ],
    [{ max: undefined }, "max", /`max` is required: .*most runners/],
    [{ max: 0 }, "max", /whole number of at least 1, got 0/],
    [{ max: 1.5 }, "max", /got 1\.5/],
    [{ max: "4" }, "max", /got "4"/],
    [{ max: Number.POSITIVE_INFINITY }, "max", /got Infinity/],
    [{ max: 4n }, "max", /got 4n/],
    [{ min: -1 }, "min", /at least 0, got -1/],
    [{ min: 5 }, "min", /`min` \(5\) is greater than `max` \(4\)\n.*raise `max` or lower `min`/],
    [{ maxConcurrency: 0 }, "maxConcurrency", /at least 1, got 0/],
    [{ idleShutdownAfter: "soon" }, "idleShutdownAfter", /not a duration: "soon"\n.*'30s'/],
    [{ timeout: -1 }, "timeout", /not a duration/],
    [{ bootTimeout: {} }, "bootTimeout", /not a duration/],
    [{ shutdownTimeout: "infinity" }, "shutdownTimeout", /must be a finite time/],
    [{ heartbeat: 5 }, "heartbeat", /finite time of at least 10 ms/],
    [{ heartbeat: "infinity" }, "heartbeat", /finite time/],
    [{ orphanTimeout: "10ms" }, "orphanTimeout", /at least 1000 ms/],
    [
      { heartbeat: "30s", orphanTimeout: "59s" },
      "orphanTimeout",
      /\(59s\) is less than twice `heartbeat` \(30s\).*\n.*lower `heartbeat`/,
    ],
    [{ trackResources: "all" }, "trackResources", /`trackResources` is true or false, got "all"/],
    [{ name: "my pool" }, "name", /letters, digits.*"my pool"/],
    [{ name: "x".repeat(41) }, "name", /40 at most/],
    [{ name: 5 }, "name", /letters, digits.*: 5/],
    [{ env: "A=1" }, "env", /must be an object of variables, got "A=1"\n.*OMP_NUM_THREADS/],
    [{ env: ["A"] }, "env", /must be an object/],
    [{ env: { "": "x" } }, "env", /impossible name: ""\n.*not empty/],
    [{ env: { "A=B": undefined } }, "env", /impossible name: "A=B"/],
    [{ env: { "A\0B": "x" } }, "env", /impossible name: "A/],
    [{ env: { KEY: "a\0b" } }, "env", /`env\.KEY` holds a NUL.*\n.*argument/],
    [{ env: { THREADS: 4 } }, "env", /`env\.THREADS` must be a string, got 4\n.*quotes/],
    [{ bundle: "yes" }, "bundle", /`bundle` is true, false, or an object.*\n.*external/],
    [{ bundle: { externals: ["sharp"] } }, "bundle", /`external`/],
    [{ bundle: { external: "sharp" } }, "bundle", /list of package names/],
    [{ bundle: null }, "bundle", /list of package names/],
    ...[0, 1, "false", "off", null, {}].map((tls): [object, string, RegExp] => [
      { tls },
      "tls",
      /`tls` is true or false, got .*\n.*docs\/security\.md/,
    ]),
    [{ logger: true }, "logger", /lacks debug, info, warn, error/],
    [{ logger: { info() {}, warn() {}, error() {} } }, "logger", /lacks debug.*\n.*pino/],
    [{ signal: new AbortController() }, "signal", /not an AbortSignal/],
    [{ backend: "slurm" }, "backend", /not a backend\n.*local\(\) or slurm\(/],
    [{ backend: () => backend }, "backend", /not a backend/],
    [{ module: undefined }, "module", /the file that runners serve.*\n.*new URL/],
    [{ module: "./train.ts" }, "module", /neither a file URL nor an absolute path: "\.\/train\.ts"\n.*new URL/],
    [{ module: new URL("https://example.org/train.js") }, "module", /neither a file URL/],
    [{ module: "file:///a%2Fb.js" }, "module", /no URL of a file here/],
  ]
  it.each(rows)("%o, naming %s", (part, option, message) => {
    const make = () => check(part)
    expect(make).toThrow(OptionError)
    expect(make).toThrow(expect.objectContaining({ option, code: "ERR_FLAME_OPTION" }))
    expect(make).toThrow(message)
  })

  it.each([undefined, null, "train.js"])("%o instead of options", options => {
    const make = () => checkPoolOptions(options as never, { backend: () => backend, inRunner: false })
    expect(make).toThrow(/createPool\(\) needs options\n.*createPool\(\{ module/)
  })

  it.each([
    [
      "a file that is not there",
      "./not-here.ts",
      /not-here\.ts does not exist\n.*new URL\('\.\/train\.ts', import\.meta\.url\)/,
    ],
    [
      "one with another extension",
      "./options.test.js",
      /does not exist\n.*did you mean .*\/options\.test\.ts, which is there\?/,
    ],
    ["one that is slightly misspelt", "./opions.test.ts", /did you mean .*\/options\.test\.ts/],
    ["one in a folder that is not there", "./nowhere/train.ts", /does not exist\n.*new URL/],
    ["a folder", ".", /is not a file\n.*index\.ts/],
  ])("%s as the module", (_what, path, message) => {
    const make = () => check({ module: new URL(path, import.meta.url) })
    expect(make).toThrow(ModuleError)
    expect(make).toThrow(message)
  })

  it("what the backend cannot work with", () => {
    const validate = () => {
      throw new OptionError("walltime", "no")
    }
    expect(() => check({ backend: { ...backend, validate } })).toThrow(/no/)
  })
})

describe("createPool takes", () => {
  it("the defaults that its options state", () => {
    expect(check({})).toMatchObject({
      backend,
      name: "options-test",
      min: 0,
      max: 4,
      maxConcurrency: 1,
      idleMs: 30_000,
      timeoutMs: Number.POSITIVE_INFINITY,
      bootTimeoutMs: 600_000,
      shutdownMs: 30_000,
      heartbeatMs: 5_000,
      orphanMs: 300_000,
      env: {},
      signal: undefined,
      tls: true,
    })
    expect(backend.validate).toHaveBeenCalled()
  })

  it("what it is given", () => {
    const { signal } = new AbortController()
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    const env = { A: "1", B: undefined }
    const given = {
      min: 2,
      maxConcurrency: 3,
      idleShutdownAfter: "infinity",
      timeout: "5m",
      bootTimeout: 1,
      name: "a_B-9",
      tls: false,
    }
    const settings = check({ ...given, env, logger, signal, module: import.meta.url, bundle: { external: ["x"] } })
    expect(settings).toMatchObject({
      min: 2,
      maxConcurrency: 3,
      timeoutMs: 300_000,
      bootTimeoutMs: 1,
      name: "a_B-9",
      env,
      tls: false,
    })
    expect(settings.idleMs).toBe(Number.POSITIVE_INFINITY)
    expect(settings.logger).toBe(logger)
    expect(settings.signal).toBe(signal)
    expect(settings.module.file).toBe(HERE)
  })

  it("a console as its logger, and false for none", () => {
    expect(check({ logger: console }).logger).toBe(console)
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true)
    check({ logger: false }).logger.error({}, "x")
    expect(write).not.toHaveBeenCalled()
    check({}).logger.error({ a: 1 }, "x")
    expect(write).toHaveBeenCalledWith("slurm-flame error: x a=1\n")
    write.mockRestore()
  })

  it("no min inside a runner: one that boots runners at its own start would never end", () => {
    expect(check({ min: 3 }, true).min).toBe(0)
  })
})

it("every option of PoolOptions is known, and none is known that is not there", () => {
  const source = readFileSync(new URL("../../src/parent/pool-options.ts", import.meta.url), "utf8")
  const hooks = readFileSync(new URL("../../src/parent/grow-hooks.ts", import.meta.url), "utf8")
  const declared = [
    /interface PoolOptions[^{]*\{\n(.*?)\n\}/s.exec(source)!,
    /interface GrowCallbacks \{\n(.*?)\n\}/s.exec(hooks)!,
  ]
    .flatMap(([, body]) => [...body!.matchAll(/^ {2}(\w+)\??:/gm)])
    .map(([, name]) => name)
  let known: string[] = []
  try {
    check({ zzzzzzzzzzzz: 1 })
  } catch (error) {
    known = (error as OptionError).hint!.replace("known: ", "").split(", ")
  }
  expect(known.toSorted()).toEqual(declared.toSorted())
})

describe("options of a call", () => {
  it("are the pool's where none are given", () => {
    expect(checkCallOptions(undefined, 7)).toEqual({ timeoutMs: 7, signal: undefined })
    expect(checkCallOptions({}, 7)).toEqual({ timeoutMs: 7, signal: undefined })
    expect(checkCallOptions({ timeout: "1s" }, 7).timeoutMs).toBe(1_000)
    expect(checkCallOptions({ timeout: "infinity" }, 7).timeoutMs).toBe(Number.POSITIVE_INFINITY)
  })

  it("say how the runner is to take it; what is ordinary is not said", () => {
    const held = { add() {} } as never
    const marks = (options: object | undefined, trackResources: boolean) =>
      checkCallOptions(options, { timeoutMs: 7, trackResources, held }).marks
    expect(marks(undefined, false)).toBe(undefined)
    expect(marks({ link: true, trackResources: false }, true)).toBe(undefined)
    expect(marks({ link: false }, false)).toEqual({ unlinked: true })
    expect(marks({ link: false }, true)).toEqual({ unlinked: true, track: true })
    expect(marks(undefined, true)).toEqual({ track: true })
    expect(checkCallOptions({}, { timeoutMs: 7, held })).toMatchObject({ timeoutMs: 7, held })
  })

  it.each([
    [{ link: "no" }, 7, "link", /unknown option `link` of a call/],
    [{ link: "no" }, { timeoutMs: 7 }, "link", /`link` is true or false, got "no"/],
    [{ trackResources: 1 }, { timeoutMs: 7 }, "trackResources", /`trackResources` is true or false, got 1/],
  ])("%o with %o is refused", (options, defaults, option, message) => {
    const read = () => checkCallOptions(options as never, defaults)
    expect(read).toThrow(expect.objectContaining({ option }))
    expect(read).toThrow(message)
  })

  it.each([
    [{ timout: 5 }, "timout", /unknown option `timout` of spawn\(\)\. Did you mean `timeout`\?/],
    [{ signal: {} }, "signal", /not an AbortSignal/],
    [{ timeout: "never" }, "timeout", /not a duration/],
    [null, "options", /options of spawn\(\) must be an object, got null/],
    ["5m", "options", /must be an object, got "5m"\n.*timeout: '5m'/],
  ])("%o is refused", (options, option, message) => {
    const read = () => checkCallOptions(options as never, 7, "spawn()")
    expect(read).toThrow(expect.objectContaining({ option }))
    expect(read).toThrow(message)
  })

  it("rejectUnknown leaves the backend's options to createPool", () => {
    expect(() => rejectUnknown({ slurmJob: 1 }, ["timeout"], "close")).toThrow(/unknown option `slurmJob` of close/)
  })
})
