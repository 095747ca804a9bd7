import { describe, expect, it } from "vitest"
import { OptionError } from "../../src/shared/errors.ts"
import { parseHead } from "../../src/slurm/directives.ts"

const head = (...lines: string[]) => ["#!/bin/bash", ...lines, "hostname", ""].join("\n")
const parsed = (...lines: string[]) => parseHead(head(...lines)).map(({ name, value }) => [name, value])

describe("parseHead", () => {
  it.each([
    ["#SBATCH --time=01:00:00", [["time", "01:00:00"]]],
    ["#SBATCH --time 01:00:00", [["time", "01:00:00"]]],
    [
      "#SBATCH -p gpu -N 1 -n4",
      [
        ["partition", "gpu"],
        ["nodes", "1"],
        ["ntasks", "4"],
      ],
    ],
    [
      "#SBATCH -HW",
      [
        ["hold", undefined],
        ["wait", undefined],
      ],
    ],
    [
      "#SBATCH --exclusive --exclusive=user",
      [
        ["exclusive", undefined],
        ["exclusive", "user"],
      ],
    ],
    [
      "#SBATCH --comment=\"two words\" -J 'a b'",
      [
        ["comment", "two words"],
        ["job-name", "a b"],
      ],
    ],
    ["#SBATCH -o out.%j # where it goes", [["output", "out.%j"]]],
    [
      "#SBATCH --job=x --sig=TERM@9",
      [
        ["job-name", "x"],
        ["signal", "TERM@9"],
      ],
    ],
    ["#SBATCH\t-J\ttabs", [["job-name", "tabs"]]],
    ["# SBATCH -J no", []],
    ["##SBATCH -J no", []],
    [
      "#SBATCH-J glued --exclusive",
      [
        ["job-name", "glued"],
        ["exclusive", undefined],
      ],
    ],
    ["#SBATCH # nothing", []],
  ])("reads %j", (line, expected) => {
    expect(parsed(line)).toEqual(expected)
  })

  it("goes on over blank lines and comments, and says the lines", () => {
    const found = parseHead(head("", "  # a comment", "#SBATCH -n 1", "   ", "#SBATCH -c 2"))
    expect(found.map(({ name, line }) => [name, line])).toEqual([
      ["ntasks", 4],
      ["cpus-per-task", 6],
    ])
  })

  it("leaves the text of a here-document alone", () => {
    const script = ["#!/bin/bash", "cat <<'END' > other.sh", "#!/bin/bash", "#SBATCH -n 1", "END", "true", ""].join(
      "\n",
    )
    expect(parseHead(script)).toEqual([])
  })

  it.each([
    ["no shebang", "#SBATCH -n 1\nhostname\n", /line 1 is no shebang/],
    ["a line break before the shebang", "\n#!/bin/bash\n", /line 1 is no shebang.*\n.*right behind the opening quote/],
    ["DOS line ends", "#!/bin/bash\n#SBATCH -n 1\r\nhostname\n", /line 2 ends in CR LF/],
    ["no text", " \n", /is empty/],
    ["a NUL", "#!/bin/bash\necho \0\n", /NUL/],
    ["another interpreter", "#!/usr/bin/env python3\n", /line 1 starts no shell/],
    [
      "a late directive",
      "#!/bin/bash\nexport A=1\n\n#SBATCH --time=5\n",
      /line 4 comes after the first command \(line 2\).*--time=5/,
    ],
    [
      "a directive behind a blank",
      "#!/bin/sh\n  #SBATCH --time=5\n",
      /line 2 begins with a blank.*comment: #SBATCH --time=5/,
    ],
    ["one behind a tab, and behind a command", "#!/bin/sh\ntrue\n\t#SBATCH -n1\n", /line 3 begins with a blank/],
    ["a word that is no option", "#!/bin/sh\n#SBATCHED by hand\n", /line 2 has no option of sbatch's: ED/],
    ["a directive behind a here-document", "#!/bin/sh\ncat <<E\nE\n#SBATCH -n1\n", /line 4 comes after/],
  ])("refuses %s", (_, script, message) => {
    expect(() => parseHead(script)).toThrow(OptionError)
    expect(() => parseHead(script)).toThrow(message)
  })

  it.each(["#!/bin/bash -l", "#!/bin/sh", "#!/usr/bin/env bash", "#!/usr/bin/env -S zsh -f", "#! /bin/ksh"])(
    "takes %s",
    shebang => {
      expect(parseHead(`${shebang}\n`)).toEqual([])
    },
  )
})
