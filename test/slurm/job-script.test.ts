import { execFileSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { composeScript, shellQuote } from "../../src/slurm/job-script.ts"

const COMMAND = ["/usr/bin/node", "--enable-source-maps", "/home/me/my app/run.js"]
const EXEC = "exec /usr/bin/node --enable-source-maps '/home/me/my app/run.js'\n"

describe("composeScript", () => {
  it("is a shebang and the start when there is no text", () => {
    expect(composeScript(undefined, COMMAND)).toBe(`#!/bin/bash\n${EXEC}`)
  })

  it("keeps the user's text byte for byte and starts the runner behind it", () => {
    const text = `#!/bin/bash
#SBATCH --time=01:00:00
#SBATCH --partition=cpu

module load node   # ünïcode, trailing blanks:  
export SLURM_FLAME_HOST=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
`
    expect(composeScript(text, COMMAND)).toBe(text + EXEC)
    expect(composeScript(text.trimEnd(), COMMAND)).toBe(`${text.trimEnd()}\n${EXEC}`)
  })

  it.each([
    ["{{runner}}", "exec /bin/node a.js"],
    ["  {{runner}}", "  exec /bin/node a.js"],
    ["exec srun --ntasks=1 {{runner}} 2>&1", "exec srun --ntasks=1 /bin/node a.js 2>&1"],
  ])("starts it in place of %j", (line, expected) => {
    const script = composeScript(`#!/bin/bash\n# {{runner}} in a comment\n${line}\necho after\n`, ["/bin/node", "a.js"])
    expect(script).toBe(`#!/bin/bash\n# {{runner}} in a comment\n${expected}\necho after\n`)
  })

  it("puts the command in as it is, `$&` and all", () => {
    expect(composeScript("#!/bin/sh\n{{runner}}\n", ["node", "$&"])).toBe("#!/bin/sh\nexec node '$&'\n")
  })

  it.each([
    ["two places", "#!/bin/sh\n{{runner}}\n{{runner}}\n", /lines 2 and 3/],
    ["an exit at the end", "#!/bin/sh\ntrue\nexit 0\n# done\n", /line 3 leaves the script/],
    ["an exec at the end", "#!/bin/sh\nexec node server.js\n", /line 2 leaves the script/],
    ["an open continuation", "#!/bin/sh\nexport A=1 \\", /line 2 ends in a backslash/],
  ])("refuses %s", (_, text, message) => {
    expect(() => composeScript(text, COMMAND)).toThrow(message)
  })

  it.each([
    ["an epilogue in a C shell", "#!/bin/tcsh\n", { tasks: 1, epilogue: "x" }, /line 1.*does not go with `epilogue`/],
    ["a shared job in fish", "#!/usr/bin/env fish\n", { tasks: 2, epilogue: undefined }, /line 1.*`runnersPerJob`/],
    [
      "an epilogue behind a longer line",
      "#!/bin/sh\nexec a {{runner}}\n",
      { tasks: 1, epilogue: "x" },
      /line 2 holds more/,
    ],
    ["srun in a shared job", "#!/bin/sh\nsrun {{runner}}\n", { tasks: 2, epilogue: undefined }, /line 2 holds more/],
  ])("refuses %s", (_, text, form, message) => {
    expect(() => composeScript(text, COMMAND, form)).toThrow(message)
  })

  it.each([
    "exec 2>&1",
    "exec > log.txt",
    "test -d x || exit 1",
    "cd x ||\nexit 1",
    "if true; then\n  exit 1\nfi",
    "exitcode=1",
  ])("lets %j stand: the runner may start behind it", end => {
    expect(composeScript(`#!/bin/sh\n${end}\n`, COMMAND)).toBe(`#!/bin/sh\n${end}\n${EXEC}`)
  })
})

describe("shellQuote", () => {
  it.each(["", "plain", "two words", "it's", '$HOME `id` \\ "', "a\nb", "--x=*?", "~", "!e"])(
    "gives %j to a shell as it is",
    word => {
      expect(execFileSync("sh", ["-c", `printf %s ${shellQuote(word)}`], { encoding: "utf8" })).toBe(word)
    },
  )
})
