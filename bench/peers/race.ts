/** One workload: everybody in a process of its own, checked, warmed up, then measured in turn. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { summarise } from "../../src/cli/measure.ts";
import type { Answer } from "./case-file.ts";
import { caseFile, protoConv, workloadOf } from "./cases.ts";
import { Child, PeerError } from "./child.ts";
import type { Competitor } from "./competitors.ts";
import { type Check, prepareChecks, worstCheck } from "./gradients.ts";
import type { Results, Row, WorkloadResult } from "./results.ts";

/** A peer that has not finished its first outer step by then is given up. */
const MOST_SECONDS = 900;

/** A competitor on the way to its row. */
class Entrant {
  private readonly child: Child;
  private readonly rates: number[] = [];
  private facts: Partial<Row> = {};
  version = "";

  constructor(
    private readonly competitor: Competitor,
    private readonly workload: string,
  ) {
    this.child = new Child(competitor.command(workload));
  }

  get name(): string {
    return this.competitor.name;
  }

  private get allowance() {
    return this.competitor.allowances?.[this.workload];
  }

  /** Does something unless an earlier part failed; what is thrown becomes the row's problem. */
  private async attempt(part: () => Promise<Partial<Row>>): Promise<void> {
    if (this.facts.problem !== undefined) return;
    try {
      this.facts = { ...this.facts, ...(await part()) };
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.facts = { ...this.facts, problem: `throws: ${error.message.split("\n", 1)[0]}` };
    }
  }

  async check(checks: readonly Check[]): Promise<void> {
    await this.attempt(async () => {
      this.version = (await this.child.ask({ do: "version" }, MOST_SECONDS)).version ?? "";
      return worstCheck(this.child, this.competitor.group, checks);
    });
  }

  async prepare(folder: string, seconds: number): Promise<void> {
    await this.attempt(async () => {
      const workload = workloadOf(this.workload);
      const ways = this.allowance?.ways;
      const file = join(folder, `${ways ?? "all"}.json`);
      writeFileSync(file, JSON.stringify(caseFile(this.workload, ways === undefined ? workload : protoConv(ways, 5))));
      const tasks = this.allowance?.tasks ?? workload.metaBatch;
      await this.child.ask({ do: "prepare", file, tasks, seconds }, MOST_SECONDS);
      return {};
    });
  }

  async round(number: number, seconds: number): Promise<void> {
    if (number >= (this.allowance?.rounds ?? Number.POSITIVE_INFINITY)) return;
    await this.attempt(async () => {
      const answer: Answer = await this.child.ask({ do: "round", seconds }, MOST_SECONDS);
      this.rates.push((answer.tasks ?? 0) / (answer.seconds ?? 1));
      return {};
    });
  }

  end(): void {
    this.child.stop();
  }

  row(): Row {
    const { name: who, group } = this.competitor;
    const speed = this.rates.length === 0 ? {} : { speed: summarise([...this.rates]) };
    const remark = this.allowance === undefined ? {} : { remark: this.allowance.remark };
    return { who, group, comparable: this.allowance?.ways === undefined, ...speed, ...remark, ...this.facts };
  }
}

/** Runs a workload. @param say is told what is being done */
export async function race(
  workload: string,
  all: readonly Competitor[],
  protocol: Results["protocol"],
  folder: string,
  say: (what: string) => void,
): Promise<WorkloadResult & { readonly versions: Readonly<Record<string, string>> }> {
  const taking = all.filter(({ without }) => !without?.includes(workload));
  say(`${workload}: meta-gradients in f64`);
  const checks = prepareChecks(workload, folder);
  const entrants = new Map<string, Entrant>();
  try {
    for (const competitor of taking.filter(({ missing }) => missing === undefined)) {
      say(`${workload}: ${competitor.name} is checked and warmed up`);
      const entrant = new Entrant(competitor, workload);
      entrants.set(competitor.name, entrant);
      await entrant.check(checks);
      await entrant.prepare(folder, protocol.warmSeconds);
    }
    for (let round = 0; round < protocol.rounds; round++) {
      say(`${workload}: round ${round + 1} of ${protocol.rounds}`);
      for (const entrant of entrants.values()) await entrant.round(round, protocol.seconds);
    }
  } finally {
    for (const entrant of entrants.values()) entrant.end();
  }
  const rows = taking.map((competitor): Row => {
    const { name: who, group, missing = "" } = competitor;
    return entrants.get(who)?.row() ?? { who, group, comparable: false, problem: missing };
  });
  const versions = Object.fromEntries([...entrants.values()].map(({ name, version }) => [name, version]));
  return { workload, rows, versions };
}
