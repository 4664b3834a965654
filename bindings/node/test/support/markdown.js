"use strict";

const MarkdownIt = require("markdown-it");

const renderer = new MarkdownIt({ html: true });

/** What an inline token shows: code and text, without marks. */
const shown = (inline) =>
  (inline.children ?? [])
    .map(({ type, content }) =>
      /^(?:text|code_inline|text_special)$/.test(type)
        ? content
        : type === "softbreak"
          ? " "
          : "",
    )
    .join("");

/**
 * @typedef {object} Table
 * @property {number} line
 * @property {string} heading of the section that it stands in
 * @property {string[]} header the cells as a reader sees them
 * @property {{ line: number, cells: string[], code: string[][] }[]} rows code: the code spans
 *   of each cell
 */

/** @param {import("markdown-it").Token} inline */
const codeOf = (inline) =>
  (inline.children ?? [])
    .filter(({ type }) => type === "code_inline")
    .map(({ content }) => content);

/**
 * A page as GitHub renders it.
 *
 * @param {string} source
 */
function parse(source) {
  const tokens = renderer.parse(source, {});
  /** @type {{ text: string, line: number }[]} */
  const headings = [];
  /** @type {Table[]} */
  const tables = [];
  /** @type {{ href: string, line: number }[]} */
  const links = [];
  /** @type {{ line: number, end: number, mark: string, info: string, text: string }[]} */
  const fences = [];
  const paragraphs = [];
  let rowLine = 0;
  let inHead = false;
  tokens.forEach((token, i) => {
    const line = (token.map?.[0] ?? 0) + 1;
    const before = tokens[i - 1]?.type;
    switch (token.type) {
      case "table_open":
        tables.push({
          line,
          heading: headings.at(-1)?.text ?? "",
          header: [],
          rows: [],
        });
        break;
      case "thead_open":
      case "thead_close":
        inHead = token.type === "thead_open";
        break;
      case "tr_open":
        rowLine = line;
        if (!inHead) {
          tables.at(-1).rows.push({ line: rowLine, cells: [], code: [] });
        }
        break;
      case "fence":
        fences.push({
          line,
          end: token.map[1],
          mark: token.markup,
          info: token.info,
          text: token.content,
        });
        break;
      case "inline": {
        if (before === "heading_open") {
          headings.push({ text: shown(token), line });
        } else if (before === "th_open") {
          tables.at(-1).header.push(shown(token));
        } else if (before === "td_open") {
          const row = tables.at(-1).rows.at(-1);
          row.cells.push(shown(token));
          row.code.push(codeOf(token));
        } else {
          // With its marks: a table that is none shows its bars here.
          paragraphs.push({ text: token.content, line });
        }
        for (const child of token.children ?? []) {
          const href = child.attrGet("href") ?? child.attrGet("src");
          if (href !== null) {
            links.push({ href, line: before === "td_open" ? rowLine : line });
          }
        }
        break;
      }
      default:
    }
  });
  return { headings, tables, links, fences, paragraphs };
}

/**
 * The anchors of a page's headings, as GitHub makes them.
 *
 * @param {{ text: string }[]} headings
 * @returns {Set<string>}
 */
function anchors(headings) {
  const seen = new Map();
  return new Set(
    headings.map(({ text }) => {
      const slug = text
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M}\p{Pc}\- ]/gu, "")
        .replaceAll(" ", "-");
      const times = seen.get(slug) ?? 0;
      seen.set(slug, times + 1);
      return times === 0 ? slug : `${slug}-${times}`;
    }),
  );
}

module.exports = { anchors, parse };
