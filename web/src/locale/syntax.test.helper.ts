/** The sources of the interface as programs, for the tests that look at what they say. */

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseSync } from "vite";

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/** Generated, of the compiler only, and what is not part of the interface. */
const LEFT_OUT = /\.(test|d)\.|^api\/schema\.ts$/;

/** All sources below a directory. */
export function files(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return files(path);
    return /\.tsx?$/.test(entry.name) && !LEFT_OUT.test(relative("src", path)) ? [path] : [];
  });
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

export function childrenOf(node: Node): (readonly [string, Node])[] {
  return Object.entries(node).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).filter(isNode).map((child) => [key, child] as const),
  );
}

export function nameOf(node: unknown): string {
  if (!isNode(node)) return "";
  if (node.type === "MemberExpression") return nameOf(node.property);
  return String(node.name ?? node.value ?? "");
}

export function programOf(path: string, text = readFileSync(path, "utf-8")): Node {
  return parseSync(path, text).program as unknown as Node;
}

/** All texts in a program, whoever they are for. */
export function literalsIn(node: Node): string[] {
  const own = node.type === "Literal" && typeof node.value === "string" ? [node.value] : [];
  return [...own, ...childrenOf(node).flatMap(([, child]) => literalsIn(child))];
}

/** A source that another one imports; around the import may be calls, here by the names of their functions. */
export interface Import {
  readonly path: string;
  readonly within: readonly string[];
}

/** The sources that one imports, right away and later; not for types alone. */
export function importsOf(path: string): readonly Import[] {
  return importsIn(programOf(path), []).flatMap(({ path: name, within }) => {
    const found = name.startsWith(".") ? sourceAt(join(dirname(path), name)) : undefined;
    return found === undefined ? [] : [{ path: found, within }];
  });
}

const IMPORTING = /^(Import(Declaration|Expression)|Export(Named|All)Declaration)$/;

function importsIn(node: Node, within: readonly string[]): readonly Import[] {
  const name = IMPORTING.test(node.type) && !isOfTypes(node) && isNode(node.source) ? [nameOf(node.source)] : [];
  const around = node.type === "CallExpression" ? [...within, nameOf(node.callee)] : within;
  return [
    ...name.map((path) => ({ path, within })),
    ...childrenOf(node).flatMap(([, child]) => importsIn(child, around)),
  ];
}

function isOfTypes(node: Node): boolean {
  return node.importKind === "type" || node.exportKind === "type";
}

function sourceAt(path: string): string | undefined {
  return [".ts", ".tsx"].map((ending) => path + ending).find(existsSync);
}
