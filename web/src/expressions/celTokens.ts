/**
 * The words of an expression, as far as rows have them: names, plain numbers and texts, and signs. The lexical grammar is
 * the engine's (`definition/cel/lexer.py`); what it has beyond this is no token here, so that nothing is taken for
 * something else.
 */

export type Token =
  | { readonly kind: "number"; readonly text: string; readonly value: number }
  | { readonly kind: "text"; readonly text: string; readonly value: string }
  | { readonly kind: "name" | "sign"; readonly text: string };

const TOKEN =
  /[ \t\r\n\f]*(?:(?<number>\d+\.?\d*(?:[eE][+-]?\d+)?(?![\w.]))|(?<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?<name>[A-Za-z_][A-Za-z0-9_]*)|(?<sign>\|\||&&|[=!<>]=|[-!<>().,[\]]))/y;
const SPACE = /^[ \t\r\n\f]*$/;
const ESCAPE = /\\(u[0-9a-fA-F]{4}|.)/gs;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\", "'": "'", '"': '"' };
const TO_ESCAPE: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
  "'": "\\'",
};

/** The tokens of an expression; `undefined` if there is anything in it that rows have no room for. */
export function tokenize(source: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  let position = 0;
  while (!SPACE.test(source.slice(position))) {
    TOKEN.lastIndex = position;
    const found = TOKEN.exec(source);
    const token = found === null ? undefined : tokenOf(found);
    if (found === null || token === undefined || isTriple(source, found, token)) return undefined;
    tokens.push(token);
    position = TOKEN.lastIndex;
  }
  return tokens;
}

function tokenOf({ groups = {} }: RegExpExecArray): Token | undefined {
  const { number, text, name, sign } = groups;
  if (number !== undefined) return numberToken(number);
  if (text !== undefined) {
    const value = unquoted(text);
    return value === undefined ? undefined : { kind: "text", text, value };
  }
  return name === undefined ? { kind: "sign", text: sign ?? "" } : { kind: "name", text: name };
}

/** Texts in three quotes may go over several lines. */
function isTriple(source: string, found: RegExpExecArray, token: Token): boolean {
  const end = found.index + found[0].length;
  return token.kind === "text" && token.value === "" && source[end] === token.text[0];
}

/** Numbers that are the same in the browser as in the engine, which tells whole ones of 64 bits from others. */
function numberToken(text: string): Token | undefined {
  const value = Number(text);
  const isExact = /^\d+$/.test(text) ? Number.isSafeInteger(value) : /^\d+(\.\d+)?([eE].*)?$/.test(text);
  return isExact && Number.isFinite(value) ? { kind: "number", text, value } : undefined;
}

function unquoted(text: string): string | undefined {
  let isKnown = true;
  const value = text.slice(1, -1).replaceAll(ESCAPE, (_, code: string) => {
    const letter = code.length === 1 ? ESCAPES[code] : String.fromCodePoint(Number.parseInt(code.slice(1), 16));
    if (letter === undefined || letter === "\0" || /[\uD800-\uDFFF]/.test(letter)) isKnown = false;
    return letter ?? "";
  });
  return isKnown ? value : undefined;
}

export function quoted(text: string): string {
  const escaped = text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    /[\\'\u0001-\u001f\u007f]/g,
    (letter) => TO_ESCAPE[letter] ?? `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
  return `'${escaped}'`;
}

/** A number that the engine reads as this one: what is whole and has more than 53 bits is none of its whole numbers. */
export function numeral(value: number): string {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
}
