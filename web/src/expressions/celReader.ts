/** Reads what rows can show of an expression, by the grammar of the engine's parser (`definition/cel/parser.py`). */

import type { Json } from "../base/json";
import type { CelOperator, Rule, RuleGroup } from "./celOperators";
import { isMoment } from "./celOperators";
import type { Token } from "./celTokens";
import { tokenize } from "./celTokens";

/** Words that are no names of variables: `_CONSTANTS` and `_RESERVED` of the engine's parser, and its operator. */
const NO_NAMES = new Set([
  "true",
  "false",
  "null",
  "in",
  "as",
  "break",
  "const",
  "continue",
  "else",
  "for",
  "function",
  "if",
  "import",
  "let",
  "loop",
  "package",
  "namespace",
  "return",
  "var",
  "void",
  "while",
]);

/** The rows of an expression; `undefined` if they cannot show it. */
export function readRows(text: string): Rule | RuleGroup | undefined {
  const tokens = tokenize(text);
  return tokens === undefined ? undefined : new Reader(tokens).all();
}

/** The keys of a place that is written as `event.data.items[0]['zip-code']`; `undefined` for anything else. */
export function readPlace(text: string): readonly (string | number)[] | undefined {
  const tokens = tokenize(text);
  return tokens === undefined ? undefined : new Reader(tokens).onlyPlace();
}

/** An expression has no room in rows. */
class NoRows extends Error {}

/** Reads what rows can show, and gives up at the first thing that they cannot. */
class Reader {
  private next = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  all(): Rule | RuleGroup | undefined {
    return this.whole(() => this.joined("or"));
  }

  onlyPlace(): readonly (string | number)[] | undefined {
    return this.whole(() => this.place().keys);
  }

  private whole<T>(read: () => T): T | undefined {
    try {
      const found = read();
      return this.next === this.tokens.length ? found : undefined;
    } catch (error) {
      if (error instanceof NoRows) return undefined;
      throw error;
    }
  }

  private joined(join: "and" | "or"): Rule | RuleGroup {
    const members: (Rule | RuleGroup)[] = [];
    do members.push(join === "or" ? this.joined("and") : this.member());
    while (this.accept(join === "or" ? "||" : "&&"));
    const [first] = members;
    return members.length === 1 && first !== undefined ? first : { kind: "group", join, members };
  }

  private member(): Rule | RuleGroup {
    if (this.accept("!")) return this.negated();
    if (!this.accept("(")) return this.rule();
    const inside = this.joined("or");
    this.expect(")");
    return inside;
  }

  private negated(): Rule {
    const isInside = this.accept("(");
    const inside = this.rule();
    if (isInside) this.expect(")");
    const operator = NEGATIONS[inside.operator];
    // `!` binds tighter than `in`: without parentheses it is about the first word alone.
    const isSplit = !isInside && (inside.operator === "oneOf" || inside.operator === "includes");
    if (operator === undefined || isSplit) throw new NoRows();
    return { ...inside, operator };
  }

  private rule(): Rule {
    const token = this.peek();
    if (token?.kind === "number" || token?.kind === "text" || this.isConstant()) return this.entry();
    if (token?.kind === "name" && this.peek(1)?.text === "(") return this.call();
    return this.compared(this.place().text);
  }

  /** `'a' in event.data.tags` */
  private entry(): Rule {
    const right = this.literal();
    this.expect("in");
    if (right === null) throw new NoRows();
    return ruleOf(this.place().text, "includes", right);
  }

  /** `size(event.data.tags) == 0`, `date(event.data.at) > date('2026-01-01')` */
  private call(): Rule {
    const name = this.take().text;
    this.expect("(");
    const left = this.place().text;
    this.expect(")");
    const sign = this.take().text;
    if (name === "size" && (sign === "==" || sign === ">")) {
      if (this.literal() !== 0) throw new NoRows();
      return ruleOf(left, sign === "==" ? "empty" : "filled", null);
    }
    if (name !== "date" || (sign !== ">" && sign !== "<")) throw new NoRows();
    this.expect("date");
    this.expect("(");
    const right = this.literal();
    this.expect(")");
    if (!isMoment(right)) throw new NoRows();
    return ruleOf(left, sign === ">" ? "after" : "before", right);
  }

  private compared(left: string): Rule {
    const sign = this.peek()?.text ?? "";
    if (this.accept(".")) return this.method(left);
    if (this.accept("in")) return ruleOf(left, "oneOf", this.list());
    const operator = COMPARISONS[sign];
    if (operator === undefined) return ruleOf(left, "holds", null);
    this.take();
    const right = this.operand();
    if (right !== null) return ruleOf(left, operator, right);
    if (operator !== "equals" && operator !== "differs") throw new NoRows();
    return ruleOf(left, operator === "equals" ? "missing" : "present", null);
  }

  private method(left: string): Rule {
    const operator = METHODS[this.take().text];
    this.expect("(");
    const right = this.operand();
    this.expect(")");
    if (operator === undefined || right === null) throw new NoRows();
    return ruleOf(left, operator, right);
  }

  private list(): Json {
    this.expect("[");
    const items: Json[] = [];
    do items.push(this.literal());
    while (this.accept(","));
    this.expect("]");
    if (items.includes(null)) throw new NoRows();
    return items;
  }

  private operand(): Json {
    const token = this.peek();
    return token?.kind === "name" && !this.isConstant() ? { path: this.place().text } : this.literal();
  }

  private literal(): Json {
    const isNegative = this.accept("-");
    const token = this.take();
    if (token.kind === "number") return isNegative ? -token.value : token.value;
    if (isNegative) throw new NoRows();
    if (token.kind === "text") return token.value;
    if (token.kind === "name" && Object.hasOwn(CONSTANTS, token.text)) return CONSTANTS[token.text] ?? null;
    throw new NoRows();
  }

  /** A place, as it is written; it ends before a method. */
  private place(): { readonly text: string; readonly keys: readonly (string | number)[] } {
    const start = this.next;
    const root = this.take();
    if (root.kind !== "name" || NO_NAMES.has(root.text)) throw new NoRows();
    const keys: (string | number)[] = [root.text];
    for (;;) {
      if (this.peek()?.text === "." && this.peek(1)?.kind === "name" && this.peek(2)?.text !== "(") {
        this.take();
        keys.push(this.take().text);
      } else if (this.accept("[")) {
        const key = this.take();
        if (key.kind !== "text" && !(key.kind === "number" && /^\d+$/.test(key.text))) throw new NoRows();
        keys.push(key.value);
        this.expect("]");
      } else break;
    }
    const text = this.tokens.slice(start, this.next).map((token) => token.text);
    return { text: text.join(""), keys };
  }

  private isConstant(): boolean {
    const token = this.peek();
    return token?.text === "-" || (token?.kind === "name" && Object.hasOwn(CONSTANTS, token.text));
  }

  private peek(ahead = 0): Token | undefined {
    return this.tokens[this.next + ahead];
  }

  private take(): Token {
    const token = this.tokens[this.next];
    if (token === undefined) throw new NoRows();
    this.next += 1;
    return token;
  }

  private accept(word: string): boolean {
    const token = this.peek();
    if (token === undefined || token.kind === "text" || token.text !== word) return false;
    this.next += 1;
    return true;
  }

  private expect(word: string): void {
    if (!this.accept(word)) throw new NoRows();
  }
}

const CONSTANTS: Readonly<Record<string, Json>> = { true: true, false: false, null: null };
const COMPARISONS: Readonly<Record<string, CelOperator>> = {
  "==": "equals",
  "!=": "differs",
  ">": "greater",
  ">=": "atLeast",
  "<": "less",
  "<=": "atMost",
};
const METHODS: Readonly<Record<string, CelOperator>> = {
  contains: "contains",
  startsWith: "starts",
  endsWith: "ends",
  matches: "matches",
};
/** What `!` makes of a row. */
const NEGATIONS: Readonly<Partial<Record<CelOperator, CelOperator>>> = {
  contains: "containsNot",
  holds: "fails",
  oneOf: "noneOf",
  includes: "includesNot",
};

function ruleOf(left: string, operator: CelOperator, right: Json): Rule {
  return { kind: "rule", left, operator, right };
}
