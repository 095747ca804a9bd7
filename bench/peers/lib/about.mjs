/**
 * Asks files of peers who they are: a process of its own, since a file may end, hang or break whoever imports it.
 * Arguments: their URLs. Says `{ file, about, missing }` of each over its channel, or `{ file, error }`.
 * It does not end by itself: whoever started it knows when all have answered, or that they do not.
 */
process.on("disconnect", () => process.exit())

for (const file of process.argv.slice(2)) tell(file)

async function tell(file) {
  try {
    const { about, missing } = await import(file)
    // As JSON: of anything else there is nothing to be told.
    const words = JSON.parse(JSON.stringify({ about, missing: await missing?.() }))
    process.send({ file, ...words })
  } catch (error) {
    process.send({ file, error: String(error?.message ?? error).split("\n")[0] })
  }
}
