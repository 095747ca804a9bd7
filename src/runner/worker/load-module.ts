/**
 * The user's module, imported in the worker. Owns the import, the names of its exports, and what is said when either fails;
 * knows neither the line to the parent nor how the exports are served.
 */
import { ModuleError } from "../../shared/errors.ts"
import { wordsOf } from "../../transport/error-shape.ts"
import { exportNames } from "./exports.ts"

export interface LoadedModule {
  /** Never the value of a promise: a module that exports `then` would be taken for a promise itself. */
  readonly namespace: object
  /** What it exports, for the parent. */
  readonly names: string[]
}

/**
 * Imports the module at `url`.
 * @param source The user's own file, for messages.
 * @throws ModuleError whose cause is what went wrong
 */
export async function loadModule(url: string, source: string): Promise<LoadedModule> {
  // A bundle carries a source map; without one this costs nothing until an error is thrown.
  process.setSourceMapsEnabled(true)
  try {
    const { namespace } = await importInHolder(url)
    return { namespace, names: exportNames(namespace) }
  } catch (cause) {
    throw importError(source, cause)
  }
}

/** `import()` of the module itself would call a `then` that it exports, and wait for it; a static import does not. */
async function importInHolder(url: string): Promise<{ namespace: object }> {
  const code = `import * as namespace from ${JSON.stringify(url)}; export const holder = { namespace }`
  const { holder } = await import(`data:text/javascript,${encodeURIComponent(code)}`)
  return holder as { namespace: object }
}

function importError(source: string, cause: unknown): ModuleError {
  // Where the file itself is missing, Node names who asked for it: that was not the user.
  const why = wordsOf(cause).message.replace(/ imported from data:text\/javascript,\S*/, "")
  return new ModuleError(source, `the runner cannot import ${source}: ${why}`, { cause, hint: hintFor(cause) })
}

/** Codes of a Node that does not run TypeScript at all, or not all of it. */
const NO_TYPESCRIPT = new Set(["ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX", "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING"])

function hintFor(cause: unknown): string {
  const { message, code } = wordsOf(cause) as Error & { code?: unknown }
  const unknownTypeScript = code === "ERR_UNKNOWN_FILE_EXTENSION" && /"\.(ts|mts|cts|tsx|jsx)"/.test(message)
  if (unknownTypeScript || NO_TYPESCRIPT.has(String(code))) {
    return `Node ${process.version} cannot run this TypeScript: leave \`bundle\` out, so that it is bundled, or compile it`
  }
  if (code === "ERR_MODULE_NOT_FOUND") {
    return "the file, and the packages it imports, must be on a file system that this node shares with the parent"
  }
  return "the module threw while it was being loaded: the cause has its own stack"
}
