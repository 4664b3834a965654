"use strict";

const ts = require("typescript");
const { GAP } = require("./gap");

const isPlus = (node) =>
  ts.isBinaryExpression(node) &&
  node.operatorToken.kind === ts.SyntaxKind.PlusToken;

/** The call that an expression is an argument of, with the arguments before it. */
function contextOf(node) {
  let inner = node;
  while (
    ts.isConditionalExpression(inner.parent) ||
    ts.isParenthesizedExpression(inner.parent)
  ) {
    inner = inner.parent;
  }
  const { parent } = inner;
  if (!ts.isCallExpression(parent) && !ts.isNewExpression(parent)) {
    return "";
  }
  const before = parent.arguments.slice(0, parent.arguments.indexOf(inner));
  return [parent.expression, ...before].map((each) => each.getText()).join(" ");
}

/**
 * The strings of a JavaScript source, each with what is joined to it by `+` or `${}`.
 *
 * @param {string} source
 * @returns {import("./sentences").Found[]}
 */
function stringsOfJs(source) {
  const target = ts.ScriptTarget.ES2022;
  const file = ts.createSourceFile("source.js", source, target, true);
  const found = [];

  /** The text of a string's expression; undefined if there is no literal in it. */
  const textOf = (node) => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
      return node.text;
    }
    if (ts.isTemplateExpression(node)) {
      const spans = node.templateSpans;
      spans.forEach(({ expression }) => visit(expression));
      return node.head.text + spans.map((s) => GAP + s.literal.text).join("");
    }
    if (isPlus(node)) {
      const sides = [node.left, node.right];
      const texts = sides.map(textOf);
      if (texts.every((text) => text === undefined)) {
        return undefined;
      }
      sides.forEach((side, i) => texts[i] ?? visit(side));
      return texts.map((text) => text ?? GAP).join("");
    }
    return ts.isParenthesizedExpression(node)
      ? textOf(node.expression)
      : undefined;
  };

  const visit = (node) => {
    const text = textOf(node);
    if (text === undefined) {
      ts.forEachChild(node, visit);
    } else {
      found.push({ text, context: contextOf(node) });
    }
  };
  visit(file);
  return found;
}

module.exports = { stringsOfJs };
