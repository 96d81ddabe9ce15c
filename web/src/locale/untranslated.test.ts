/** Nothing is shown or read out that does not go through the catalogues: the sources are parsed, and their texts looked at. */

import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import de from "./de.json";
import pages from "./de.pages.json";
import panels from "./de.panels.json";
import served from "./de.served.json";
import servedPages from "./de.served.pages.json";
import servedPanels from "./de.served.panels.json";
import type { Node } from "./syntax.test.helper";
import { childrenOf, files, nameOf, programOf } from "./syntax.test.helper";

/** What people read or hear, as an attribute of an element or a property of a value. */
const SAID_NAMES =
  /^(aria-(label|description|valuetext|roledescription)|title|placeholder|alt|label|legend|none|help|hint|empty|head|button|about|detail|text)$/;
/** Those of them that are shown as they are; under the others may be messages that are translated where they are used. */
const SHOWN_NAMES = /^(aria-\w+|placeholder|alt|legend|none|help|hint|empty|head|button)$/;
/** Functions whose texts are messages. */
const SPEAKERS = new Set(["t", "counted", "rich", "served", "translated"]);
/** What is for developers: errors that nobody is shown. */
const DEVELOPERS = /^Error$/;
/** Functions that take selectors of elements. */
const SELECTING = /^(closest|matches|querySelector(All)?)$/;
const LETTERS = /\p{L}{2,}/u;
/** Several words in a row. */
const SENTENCE = /(^|\s)\p{L}{2,},? (\p{L}{2,}|\p{L} )/u;
/** A word beside the place of a value. */
const WORD_AT_EDGE = /(^\s|^)\p{L}{2,}\s$|^\s\p{L}{2,}(\s|$)|\p{L}{3,}\s$|^\s\p{L}{3,}/u;
/** Names that are the same in all languages. */
const SAME =
  /^(Workflow Kit|\$\{…\} · Workflow Kit|Python|JSON|fx|\$\{…\} ms|\$\{…\} min \$\{…\} s|wk_…|https:\/\/\S+|\$\.item, \$\.index|Ctrl Z, Ctrl Shift Z)$/;
/** What is not for people: headers, drawings, classes, keys by which changes are joined, errors of a host's script. */
const MACHINE_TEXT =
  /^(Bearer \$\{…\}|M\d\S+ .*|reference reference-broken|(settings|move)( \$\{…\})+|\$\{…\} name|there is a workflow editor .*|workflowkit send .*|curl .*)$/;

const KNOWN = new Set([de, pages, panels, served, servedPages, servedPanels].flatMap(Object.keys));

/** What is left out of each kind of node, by the name of the part: addresses, classes, keys, types, errors. */
const FOR_MACHINES: Readonly<Record<string, (key: string, parent: Node) => boolean>> = {
  ImportDeclaration: () => true,
  ImportExpression: () => true,
  ExportNamedDeclaration: (key) => key === "source",
  Property: (key, parent) => key === "key" || nameOf(parent.key) === "className",
  MemberExpression: (key) => key === "property",
  JSXAttribute: (_, parent) => !SAID_NAMES.test(nameOf(parent.name)),
  CallExpression: (key, parent) => key === "arguments" && (isSpeaker(parent) || SELECTING.test(nameOf(parent.callee))),
  NewExpression: (_, parent) => DEVELOPERS.test(nameOf(parent.callee)),
  JSXElement: (key, parent) => key === "children" && nameOf((parent.openingElement as Node).name) === "code",
};

function isForMachines(key: string, parent: Node): boolean {
  const isType = parent.type.startsWith("TS") && !/^TS(As|Satisfies)/.test(parent.type);
  return isType || FOR_MACHINES[parent.type]?.(key, parent) === true;
}

function isSpeaker(call: Node): boolean {
  return SPEAKERS.has(nameOf(call.callee));
}

/** How a text came to be where it is: right in an element, under a name of what is said, or somewhere. */
type Way = "element" | "property" | "somewhere";

function wayOf(way: Way, key: string, parent: Node): Way {
  if (/^JSX(Element|Fragment)$/.test(parent.type) && key === "children") return "element";
  if (parent.type === "JSXAttribute" && key === "value") return "element";
  if (parent.type === "Property" && key === "value") {
    const name = nameOf(parent.key);
    if (SHOWN_NAMES.test(name)) return "element";
    return SAID_NAMES.test(name) ? "property" : "somewhere";
  }
  const isOnTheWay =
    parent.type === "JSXExpressionContainer" ||
    (parent.type === "ConditionalExpression" && key !== "test") ||
    (parent.type === "LogicalExpression" && key === "right");
  return isOnTheWay ? way : "somewhere";
}

function textsIn(node: Node, way: Way): string[] {
  const said: string[] = [];
  if (node.type === "JSXText") {
    const text = String(node.value).trim();
    if (LETTERS.test(text)) said.push(text);
  } else if (node.type === "Literal" && typeof node.value === "string") {
    const text = node.value;
    const isText = way === "somewhere" ? SENTENCE.test(text) : LETTERS.test(text);
    if (isText && (way === "element" || !KNOWN.has(text))) said.push(text);
  } else if (node.type === "TemplateLiteral") {
    const texts = (node.quasis as Node[]).map((quasi) => (quasi.value as { readonly cooked: string }).cooked);
    if (
      texts.some(
        (text) => SENTENCE.test(text) || WORD_AT_EDGE.test(text) || (way !== "somewhere" && LETTERS.test(text)),
      )
    )
      said.push(texts.join("${…}"));
  }
  for (const [key, child] of childrenOf(node))
    if (!isForMachines(key, node)) said.push(...textsIn(child, wayOf(way, key, node)));
  return said.filter((text) => !SAME.test(text) && !MACHINE_TEXT.test(text));
}

function foundIn(text: string): string[] {
  return textsIn(programOf("some.tsx", text), "somewhere");
}

describe("what is said", () => {
  it.each(files("src").map((path) => relative("src", path)))("goes through the catalogues: %s", (path) => {
    expect(textsIn(programOf(join("src", path)), "somewhere")).toEqual([]);
  });

  it("is found where it does not", () => {
    expect(
      foundIn("export const A = () => <p title='Some' className='two words'>Hello {a ? 'one' : `two ${b}`}</p>;"),
    ).toEqual(["Some", "Hello", "one", "two ${…}"]);
    expect(
      foundIn(
        "const words = { head: 'Name', label: 'Name', kind: 'name' }; say(`${count} of ${all} runs`, 'No such thing');",
      ),
    ).toEqual(["Name", "${…} of ${…} runs", "No such thing"]);
    expect(foundIn("throw new Error('No such thing'); t('No such thing'); go(`/runs/${id}`, 'failed');")).toEqual([]);
  });
});
