/** Reads one TypeScript source: what it imports, and the few facts the house rules ask for. Knows no rules itself. */
import ts from "typescript"

/** One import: static or dynamic, a re-export, or an `import("...")` in a type. */
export interface Import {
  readonly specifier: string
  /** Nothing is left of it at run time. */
  readonly typeOnly: boolean
}

/** The facts about one file. */
export interface SourceFacts {
  readonly imports: readonly Import[]
  readonly lines: number
  /** The file starts with a comment (after a `#!` line, if there is one). */
  readonly hasHeader: boolean
  /** Lines (from 1) with a use of `console.log`. */
  readonly consoleLogs: readonly number[]
}

/** Parses `text`; `name` is only used in the parser's own positions. */
export function readSource(name: string, text: string): SourceFacts {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022)
  const imports: Import[] = []
  const consoleLogs: number[] = []

  const visit = (node: ts.Node): void => {
    const found = importOf(node)
    if (found) imports.push(found)
    if (isConsoleLog(node)) consoleLogs.push(file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1)
    ts.forEachChild(node, visit)
  }
  visit(file)

  return {
    imports,
    lines: text.replace(/\n$/, "").split("\n").length,
    hasHeader: /^(?:#!.*\n+)?\/[*/]/.test(text),
    consoleLogs,
  }
}

function importOf(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node)) {
    // `import { type A }` is still loaded at run time (verbatimModuleSyntax); only `import type` is not.
    return made(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
  }
  if (ts.isExportDeclaration(node)) return made(node.moduleSpecifier, node.isTypeOnly)
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? made(node.argument.literal, true) : undefined
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return made(node.arguments[0], false)
  }
  return undefined
}

function made(specifier: ts.Node | undefined, typeOnly: boolean): Import | undefined {
  return specifier && ts.isStringLiteralLike(specifier) ? { specifier: specifier.text, typeOnly } : undefined
}

function isConsoleLog(node: ts.Node): boolean {
  return (
    ts.isPropertyAccessExpression(node) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === "console" &&
    node.name.text === "log"
  )
}
