/**
 * One TypeScript entry to one ES module with a source map, by esbuild. Owns esbuild's options; knows no pool.
 */
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, extname } from "node:path"
import { pathToFileURL } from "node:url"
import type { BuildFailure, Loader, Plugin } from "esbuild"
import { ModuleError } from "../shared/errors.ts"

/**
 * Bundles `source` and what it imports into `out`.
 * @param external Packages to be imported at run time from where `source` finds them, instead of being bundled.
 * @throws ModuleError
 */
export async function bundle(source: string, out: string, external: readonly string[]): Promise<void> {
  const esbuild = await loadEsbuild(source)
  try {
    await esbuild.build({
      entryPoints: [source],
      outfile: out,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      sourcemap: "linked",
      sourcesContent: false,
      logLevel: "silent",
      // CommonJS packages inside the bundle may call require() of Node's own modules.
      banner: { js: `import { createRequire as __r } from "node:module"; const require = __r(${sourceUrl(source)});` },
      plugins: [keepOutside(source, external), keepLocation],
    })
  } catch (error) {
    const failure = error as Partial<BuildFailure>
    if (!failure.errors) throw error
    const lines = failure.errors.slice(0, 5).map(e => {
      const at = e.location ? `${e.location.file}:${e.location.line}:${e.location.column}: ` : ""
      return `\n  ${at}${e.text}`
    })
    throw new ModuleError(source, `${source} cannot be bundled:${lines.join("")}`, {
      hint: "mend the lines above; a package that cannot be bundled goes into `bundle: { external: ['name'] }`",
    })
  }
}

/** The same file whether this runs from dist/parent or from src/parent. */
const LIBRARY = new URL("../../dist/index.js", import.meta.url).href

const sourceUrl = (file: string): string => JSON.stringify(pathToFileURL(file).href)

async function loadEsbuild(source: string): Promise<typeof import("esbuild")> {
  try {
    return await import("esbuild")
  } catch (cause) {
    throw new ModuleError(source, `${source} is TypeScript, and esbuild, which makes it runnable, is not installed`, {
      cause,
      hint: "npm install esbuild, or compile the module yourself and point `module` at the JavaScript",
    })
  }
}

/** Marks a question that this plugin itself asks esbuild. */
const RESOLVING = Symbol("resolving")

/**
 * Native addons cannot be inside a bundle, and slurm-flame must not be there twice: both become absolute imports, since the
 * bundle lies where no node_modules is found.
 */
function keepOutside(source: string, external: readonly string[]): Plugin {
  const named = new Set(external)
  const packageOf = (path: string) => path.split("/", path.startsWith("@") ? 2 : 1).join("/")
  return {
    name: "keep-outside",
    setup(build) {
      build.onResolve({ filter: /^slurm-flame$/ }, () => ({
        path: LIBRARY,
        external: true,
      }))
      build.onResolve({ filter: /\.node$/ }, args => ({
        path: createRequire(args.resolveDir === "" ? source : `${args.resolveDir}/x.js`).resolve(args.path),
        external: true,
      }))
      build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (pluginData === RESOLVING || (!named.has(path) && !named.has(packageOf(path)))) return undefined
        // By esbuild's own rules, which know packages that only `import` can load.
        const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: RESOLVING })
        if (found.errors.length > 0 || found.external) return found
        return { path: pathToFileURL(found.path).href, external: true }
      })
    },
  }
}

/** `import.meta.url` of each source file goes on naming that file, so that code finds what lies beside it. */
const keepLocation: Plugin = {
  name: "keep-location",
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async args => {
      const text = await readFile(args.path, "utf8")
      if (!/\bimport\.meta\.(url|dirname|filename)\b/.test(text)) return undefined
      const contents = text
        .replaceAll(/\bimport\.meta\.url\b/g, sourceUrl(args.path))
        .replaceAll(/\bimport\.meta\.dirname\b/g, JSON.stringify(dirname(args.path)))
        .replaceAll(/\bimport\.meta\.filename\b/g, JSON.stringify(args.path))
      return { contents, loader: loaderOf(args.path), resolveDir: dirname(args.path) }
    })
  },
}

function loaderOf(path: string): Loader {
  const extension = extname(path).replace(/^\.[cm]?/, "")
  return extension === "ts" || extension === "tsx" || extension === "jsx" ? extension : "js"
}
