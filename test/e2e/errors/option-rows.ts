/** Values that cannot cross, and options that are wrong or contradict each other. */
import { HERE, NOT_SERIALIZABLE, OPTION, pool, type Row, train } from "./broken.ts"

class Matrix {
  rows = 2
}

/** By what is wrong. */
export const optionRows: Record<string, Row[]> = {
  "values that cannot cross": [
    {
      mistake: "a symbol",
      make: async () => await train(pool(), { id: Symbol("a") }),
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
      make: async () => await pool().api.results(),
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
}
