/** Mistakes in the module that is served, and in how its exports are called. */
import { at, BOOT, HERE, iterate, MODULE, NO_EXPORT, OPTION, pool, type Row, train } from "./broken.ts"

/** By what is wrong. */
export const moduleRows: Record<string, Row[]> = {
  "the module's exports": [
    {
      mistake: "a typo in a name",
      make: async () => await pool().api.trian(1),
      ...NO_EXPORT,
      says: /no function or data "trian"\. Did you mean "train"\?/,
      todo: /it exports: .*train/,
      shows: HERE,
    },
    {
      mistake: "a typo in a namespace",
      make: async () => await pool().api.settings.deep.twise(1),
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
      make: async () => await pool().api.settings(),
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
}
